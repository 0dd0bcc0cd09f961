#include "queue/answer_spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/paths.hpp"
#include "base/scope_exit.hpp"
#include "base/unique_fd.hpp"
#include "ipc/record_file.hpp"
#include "json/json.hpp"
#include "wire/frame.hpp"

namespace prot::memory {
namespace {

std::string line_of(const ask::Finish& finish) {
  json::Writer out;
  out.begin_object()
      .member("job", finish.job.id)
      .member("token", finish.job.token)
      .member("conversation", to_uuid(finish.job.conversation))
      .member("first", finish.job.first_seq)
      .member("last", finish.job.last_seq)
      .member("exchanges", finish.job.exchanges)
      .key("offered")
      .begin_array();
  for (const KnownEntity& entity : finish.job.offered) out.value(entity.id);
  return out.end_array().member("answer", finish.answer).end_object().str();
}

std::string line_of(const ask::FinishCommunity& finish) {
  json::Writer out;
  return out.begin_object()
      .member("community", finish.id)
      .member("summary", finish.summary)
      .end_object()
      .str();
}

ask::Finish finish_of(const json::View& root) {
  Job job;
  job.id = root.get("job").as_int();
  job.token = root.get("token").as_string();
  job.conversation = parse_uuid(root.get("conversation").as_string());
  job.first_seq = static_cast<std::uint64_t>(root.get("first").as_int());
  job.last_seq = static_cast<std::uint64_t>(root.get("last").as_int());
  job.exchanges = static_cast<int>(root.get("exchanges").as_int());
  const json::View offered = root.get("offered");
  for (std::size_t i = 0; i < offered.size(); ++i)
    job.offered.push_back({offered.at(i).as_int(), "", "", {}});
  return {std::move(job), std::string(root.get("answer").as_string())};
}

}  // namespace

void AnswerSpool::keep(const ask::Finish& finish) { append(line_of(finish)); }

void AnswerSpool::keep(const ask::FinishCommunity& finish) { append(line_of(finish)); }

void AnswerSpool::replace(const Kept& kept) {
  if (kept.answers.empty() && kept.summaries.empty()) return clear();
  const std::filesystem::path fresh = path_.string() + ".new";
  const ScopeExit over([&] { ::unlink(fresh.c_str()); });  // nothing, once it took the place
  ::unlink(fresh.c_str());
  for (const ask::Finish& finish : kept.answers) append_to(fresh, line_of(finish));
  for (const ask::FinishCommunity& finish : kept.summaries) append_to(fresh, line_of(finish));
  if (::rename(fresh.c_str(), path_.c_str()) != 0) throw errno_error("cannot write " + path_.string());
}

void AnswerSpool::append_to(const std::filesystem::path& path, const std::string& json) {
  if (json.size() > ipc::kMostRecordBytes) throw Error("an answer is too long to be kept");
  make_private_directory(path.parent_path());
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) throw errno_error("cannot open " + path.string());
  std::string record;
  ipc::append_record(record, std::as_bytes(std::span(json)));
  const off_t before = ::lseek(file.get(), 0, SEEK_END);
  const ssize_t written = ::write(file.get(), record.data(), record.size());
  if (written == static_cast<ssize_t>(record.size()) && ::fdatasync(file.get()) == 0) return;
  const Error error = errno_error("cannot write " + path.string(), written < 0 ? errno : ENOSPC);
  if (before < 0 || ::ftruncate(file.get(), before) != 0)
    log_warn("{} has an end that was cut off", path.string());
  throw Error(error);
}

AnswerSpool::Kept AnswerSpool::read() const {
  Kept kept;
  const UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return kept;
  ipc::RecordReader records(file.get());
  std::uint64_t unreadable = 0;
  try {
    std::span<const std::byte> body;
    while (records.next(body)) {
      try {
        const json::Document document = json::parse(wire::as_text(body));
        const json::View root = document.root();
        if (root.get("summary").is_string())
          kept.summaries.push_back(
              {root.get("community").as_int(), std::string(root.get("summary").as_string())});
        else if (root.get("answer").is_string())
          kept.answers.push_back(finish_of(root));
        else
          ++unreadable;
      } catch (const Error&) {
        ++unreadable;
      }
    }
  } catch (const Error& e) {
    log_error("{}", e.what());
  }
  if (records.damaged() + unreadable > 0)
    log_error("{}: some of it cannot be read, what it answered is asked again", path_.string());
  return kept;
}

void AnswerSpool::clear() noexcept { ::unlink(path_.c_str()); }

}  // namespace prot::memory
