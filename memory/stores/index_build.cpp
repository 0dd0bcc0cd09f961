#include "stores/index_build.hpp"

#include <libpq-fe.h>

#include <string_view>

namespace prot::memory {
namespace {

// It may take as long as it takes, but no processor more than the one.
constexpr const char* kSettings[] = {
    "SET statement_timeout = 0", "SET lock_timeout = 0", "SET max_parallel_maintenance_workers = 0",
    "SET maintenance_work_mem = '256MB'", "SET client_connection_check_interval = '10s'"};
constexpr int kKnowsTheLast = 140'000;  // version

StoreError failed(StoreError::Kind kind, std::string_view why) {
  return {kind, "database: building an index: " + std::string(why.substr(0, why.find('\n')))};
}

struct Clear {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, Clear>;

}  // namespace

void IndexBuild::Finish::operator()(pg_conn* connection) const noexcept { PQfinish(connection); }

IndexBuild::~IndexBuild() { give_up(); }

void IndexBuild::give_up() noexcept {
  connection_.reset();
  seat_.reset();
}

void IndexBuild::start(const std::string& sql) {
  give_up();
  seat_.emplace(pool_->take_seat());
  connection_.reset(PQconnectdb(pool_->conninfo().c_str()));
  statements_.assign(std::begin(kSettings), std::end(kSettings));
  if (PQserverVersion(connection_.get()) < kKnowsTheLast) statements_.pop_back();
  statements_.push_back(sql);
  under_way_ = 0;
  error_.reset();
  send();
}

void IndexBuild::send() {
  if (PQsendQuery(connection_.get(), statements_[under_way_].c_str()) == 1) return;
  const StoreError error = failed(StoreError::Kind::kAway, PQerrorMessage(connection_.get()));
  give_up();
  throw StoreError(error);
}

bool IndexBuild::ended() {
  if (PQconsumeInput(connection_.get()) == 0)
    error_ = failed(StoreError::Kind::kAway, PQerrorMessage(connection_.get()));
  while (!error_ || error_->kind() != StoreError::Kind::kAway) {
    if (PQisBusy(connection_.get()) == 1) return false;
    const Result result(PQgetResult(connection_.get()));
    if (result) {
      if (PQresultStatus(result.get()) != PGRES_COMMAND_OK)
        error_ = failed(StoreError::Kind::kBroken, PQresultErrorMessage(result.get()));
      continue;
    }
    if (error_) break;
    if (++under_way_ == statements_.size()) {
      give_up();
      return true;
    }
    send();
  }
  const StoreError error = *error_;
  give_up();
  throw StoreError(error);
}

}  // namespace prot::memory
