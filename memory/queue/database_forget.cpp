// DatabaseTask: what a person wants to see, and what they want forgotten.
#include "base/error.hpp"
#include "base/log.hpp"
#include "desk/commands.hpp"
#include "queue/database_task.hpp"

namespace prot::memory {

/// The files first: if this process dies in between, the wish comes again and finds what is left. Only then
/// the store, which is the end of it.
Forgotten DatabaseTask::forget(const ForgetTarget& target, bool dry_run, std::vector<Told>& told) {
  if (dry_run) return store_->forget(target, wall_(), true);
  const Forgotten found = store_->forget(target, wall_(), true);
  std::string problem;
  try {
    if (found.everything)
      scrub_everything(folders_.said);
    else
      scrub_texts(folders_.said, found.texts);
  } catch (const Error& e) {
    problem = e.what();
    log_error("{}; something that is to be forgotten still stands there", problem);
  }
  if (log_) log_->read_again();
  Forgotten forgotten = store_->forget(target, wall_(), false);
  forgotten.problem = std::move(problem);
  log_info("forgotten: {} messages, {} facts", forgotten.messages.size(), forgotten.facts);
  if (target.kind == ForgetTarget::Kind::kMessages)  // brain may know it already, or still
    forgotten.messages.push_back({target.conversation, target.first});
  if (forgotten.nothing() && !forgotten.everything) return forgotten;
  told.emplace_back(told::Forgotten{forgotten.messages, forgotten.everything});
  if (loaded_ || load_cursor_ != 0) load_again(told);
  return forgotten;
}

void DatabaseTask::load_again(std::vector<Told>& told) {
  loaded_ = false;
  load_cursor_ = 0;
  load_page(told);
}

/// The database is away: what waits for it goes without the messages, and the wish waits with it.
void DatabaseTask::forget_in_spools(std::span<const TurnRecord> records, std::vector<Told>& told) {
  for (const TurnRecord& record : records) {
    if (record.kind != TurnRecord::Kind::kForget) continue;
    spool_.close_file();
    try {
      std::vector<std::string> texts = forget_in_spool(folders_.own_spool, SpoolForm::kSpool, record);
      for (std::string& text : forget_in_spool(folders_.brain_spool, SpoolForm::kFrames, record))
        texts.push_back(std::move(text));
      scrub_texts(folders_.said, texts);
      if (log_) log_->read_again();
      forget_answers(record);
    } catch (const Error& e) {
      log_error("{}; it is forgotten when the database is back", e.what());
    }
    loaded_ = false;
    load_cursor_ = 0;
    told.emplace_back(told::Forgotten{{record.key}, false});
  }
}

/// Answers about the conversation may have seen the messages, and any summary may tell of them: the store
/// will have them asked for again.
void DatabaseTask::forget_answers(const TurnRecord& forget) {
  read_answers();
  std::erase_if(unfinished_, [&](const ask::Finish& finish) {
    return finish.job.conversation == forget.key.conversation;
  });
  unfinished_summaries_.clear();
  answers_.replace({unfinished_, {}});
}

void DatabaseTask::on(const ask::Command& command, std::vector<Told>& told) {
  Changed changed = Changed::kNothing;
  std::string line =
      refusal(std::string(store_->name()) + " is away: try again when it is back (see: prot memory stats)",
              kCommandFailed);
  // What waits in a file belongs to what is looked at, and to what is forgotten.
  attempt([&] { replay(told); });
  attempt([&] {
    Commands commands(
        *store_, [&](const ForgetTarget& target, bool dry_run) { return forget(target, dry_run, told); },
        wall_, replayed_, &refused_);
    line = commands.answer(command.request, changed);
  });
  if (!up_ && asks_for_stats(command.request)) line = stats_away(spooled_, spool_fails_);
  told.emplace_back(told::Answer{command.client, std::move(line), command.spoken});
  if (changed == Changed::kNothing) return;
  attempt([&] {
    if (changed == Changed::kEverything) {
      replay(told);  // what was refused, and is offered again
      told.emplace_back(told::Forgotten{{}, false});
      load_again(told);
    } else {
      tell_facts(told);
    }
    report(told);
  });
}

}  // namespace prot::memory
