#include "memory_stage.hpp"

#include <algorithm>
#include <cstdio>

#include "base/error.hpp"
#include "base/log.hpp"
#include "queue/turn_record.hpp"
#include "stage/model_specs.hpp"

namespace prot::memory {
namespace {

constexpr std::size_t kMaxInHand = 256;
constexpr int kMaxHistory = 200;
constexpr Nanos kReplyPatience = 60 * kSecond;  // a reply that takes longer is no reason to wait
constexpr Nanos kHurry = 1500 * kMillisecond;   // for the database, when nobody waits
constexpr int kSettling = 3;  // times the idle time, at the start: brain reads its prompt then

bool talking(const ipc::Board& board, Nanos now) {
  const ipc::ConversationPage& page = board.conversation();
  const auto state = static_cast<ipc::ConversationState>(page.state.load(std::memory_order_relaxed));
  const bool calm = state == ipc::ConversationState::kIdle || state == ipc::ConversationState::kActive;
  return !calm || page.hold_until_ns.load(std::memory_order_relaxed) > now;
}

}  // namespace

MemoryStage::MemoryStage(stage::StageContext& context, Parts parts)
    : context_(&context),
      parts_(std::move(parts)),
      turns_(&context.input("turns")),
      outbox_(context.output("recall")),
      names_(context.output("names")),
      recall_(index_bytes()),
      desk_(context.loop(), desk_ports()) {}

MemoryStage::~MemoryStage() { stop(); }

std::size_t MemoryStage::index_bytes() const {
  return static_cast<std::size_t>(context_->config().get_int("memory.index_mib")) << 20U;
}

Desk::Ports MemoryStage::desk_ports() {
  Desk::Ports ports;
  ports.database = [this](Ask ask) { database_->post(std::move(ask)); };
  ports.database_up = [this] { return gauges_.up; };
  ports.block = [this](std::string_view query) {
    return recall_.answer(query, {}, static_cast<std::size_t>(stage::recall_tokens(context_->config())))
        .block;
  };
  ports.to_brain = [this](const told::Answer& answer) {
    outbox_.put_desk_answer(answer.client, answer.line);
  };
  return ports;
}

DatabaseTask::Folders MemoryStage::database_folders() const {
  const InstancePaths& paths = context_->environment().paths;
  const stage::Config& config = context_->config();
  DatabaseTask::Folders folders{
      paths.state / "spool" / "memory", paths.state / "spool" / "brain", {paths.state, paths.runtime}};
  if (config.get_bool("memory.conversation_log")) folders.log = paths.state / "conversations";
  folders.dead.most = static_cast<std::size_t>(config.get_int("general.dead_letters"));
  folders.dead.age = config.get_int("general.dead_letter_days") * 86'400 * kSecond;
  folders.log_limits.days = static_cast<int>(config.get_int("memory.conversation_log_days"));
  folders.log_limits.bytes = static_cast<std::uint64_t>(config.get_int("memory.conversation_log_mib")) << 20U;
  return folders;
}

void MemoryStage::start() {
  const auto wake = [bell = &context_->bell()] { bell->ring(); };
  const InstancePaths& paths = context_->environment().paths;
  context_->set_engine(parts_.engine);
  database_ =
      std::make_unique<DatabaseWorker>(std::move(parts_.store), database_folders(), daily_budget(), wake);
  desk_.start((paths.runtime / "memory.sock").string());
  if (parts_.dense.documents)
    dense_ = std::make_unique<DenseLeg>(
        std::move(parts_.dense),
        static_cast<std::size_t>(context_->config().get_int("memory.vector_mib")) << 20U, wake);
  if (!parts_.model) return;
  const int batch = parts_.model->batch();
  model_ = std::make_unique<ModelWorker>(std::move(parts_.model), wake);
  Extractor::Ports ports;
  ports.database = [this](Ask ask) { database_->post(std::move(ask)); };
  ports.start_model = [this](ModelWorker::Question question) {
    count("model_calls", ++model_calls_);
    database_->post(ask::Use{{1, 0}});  // before it is asked: a process that dies has asked, too
    model_->start(std::move(question));
  };
  ports.cancel_model = [this] { model_->cancel(); };
  const auto idle = static_cast<Nanos>(context_->config().get_double("memory.extraction_idle_s") * kSecond);
  extractor_ = std::make_unique<Extractor>(std::move(ports), idle, batch);
  quiet_since_ = context_->clock().now() + (kSettling - 1) * idle;
}

int MemoryStage::do_work(Nanos now) {
  int items = take_told(now);
  items += intake(now);
  release_done();
  items += outbox_.flush() + names_.flush(generation_of("stt"));
  items += desk_.step(phase_ >= Phase::kClosing);
  watch_board(now);
  if (extractor_ && phase_ == Phase::kRunning)
    extractor_->step(now, quiet_since_, gauges_.up ? gauges_.counts.jobs_ready : 0);
  if (reads_.due() <= now) count_reads();
  drain_step(now);
  return items;
}

void MemoryStage::watch_board(Nanos now) {
  // A text turn does not show on the board: from its question to the end of its reply the model is needed.
  if (talking(context_->board(), now) || now < reply_until_) {
    quiet_since_ = kNever;
  } else if (quiet_since_ == kNever) {
    quiet_since_ = now;
  }
}

std::uint32_t MemoryStage::generation_of(std::string_view program) const noexcept {
  const int index = context_->board().find(program);
  if (index < 0) return 0;
  const auto& entry = context_->board().supervisor().programs[static_cast<std::size_t>(index)];
  return entry.generation.load(std::memory_order_relaxed);
}

int MemoryStage::intake(Nanos now) {
  int items = 0;
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  while (phase_ == Phase::kRunning && in_hand_.size() < kMaxInHand) {
    const ipc::TakeResult taken = turns_->peek(info, payload);
    if (taken == ipc::TakeResult::kFaulted) throw Error("the ring 'turns' is damaged");
    if (taken == ipc::TakeResult::kEmpty) {
      if (turns_->producer_closed() && !turns_->has_data()) phase_ = Phase::kStoring;
      break;
    }
    take_frame(info, payload, now);
    ++items;
  }
  return items;
}

void MemoryStage::take_frame(const ipc::FrameInfo& info, std::span<const std::byte> payload, Nanos now) {
  std::span<const std::byte> tail;
  if (wire::is<wire::EndOfStream>(info)) {
    end_of_stream_ = info.sequence;
    phase_ = Phase::kStoring;
    return;
  }
  in_hand_.push_back({info.sequence, true});
  if (wire::is<wire::Unrecorded>(info)) return;
  if (quiet_since_ != kNever) quiet_since_ = std::max(quiet_since_, now);  // somebody is at it
  if (std::optional<TurnRecord> record = record_of(info, payload); record) {
    reply_until_ = record->kind == TurnRecord::Kind::kEnd ? 0 : now + kReplyPatience;
    in_hand_.back().done = false;
    database_->post(ask::Store{info.sequence + 1, std::move(*record)});
    return;
  }
  if (Request request; wire::decode(info, payload, request.head, tail)) {
    request.query = wire::as_text(tail);
    answer(request, now);
    if (!loaded_) last_request_ = std::move(request);
    return;
  }
  if (wire::HistoryRequest request; wire::decode(info, payload, request, tail)) {
    const int limit = std::clamp(static_cast<int>(request.max_messages), 1, kMaxHistory);
    database_->post(ask::History{request.conversation, request.request, limit});
    return;
  }
  if (wire::DeskRequest request; wire::decode(info, payload, request, tail)) {
    desk_.take_spoken(request.request, std::string(wire::as_text(tail)));
    return;
  }
  log_warn("a frame of kind {} version {} on 'turns' is not understood", info.kind, info.version);
  context_->counter("bad_frames").fetch_add(1, std::memory_order_relaxed);
}

void MemoryStage::release_done() {
  std::optional<std::uint64_t> last;
  while (!in_hand_.empty() && in_hand_.front().done) {
    last = in_hand_.front().sequence;
    in_hand_.pop_front();
  }
  if (last) turns_->release_through(*last);
}

RecallBudget MemoryStage::block_limit(const wire::RecallRequest& request) const {
  const auto most = static_cast<std::uint32_t>(stage::recall_tokens(context_->config()));
  return {std::min(request.max_tokens, most), std::min(request.line_tokens, most)};
}

void MemoryStage::answer(const Request& request, Nanos now) {
  const RecallBudget limit = block_limit(request.head);
  const std::vector<TurnIndex::Vote> votes = votes_at_once(request);
  const RecallResult result = recall_.answer(request.query, request.head.conversation, limit, {{}, votes});
  outbox_.put_block(request.head.request, ++generation_, now, result);
  reads_.add(result.facts, now);
  ask_services(request, votes);
  // What the index had to give up may add to it: a second block, which brain takes when it comes in time.
  if (recall_.index().evicted() > 0 && loaded_ && gauges_.up)
    database_->post(
        ask::Search{request.head, request.query, word_beginnings(request.query), recall_.index().oldest()});
  count("recalls", ++recalls_);
  const auto took = static_cast<std::uint64_t>(context_->clock().now() - now) / 1000;
  ipc::Word& worst = context_->counter("recall_max_us");
  if (took > worst.load()) worst.store(took);
}

void MemoryStage::count_reads() {
  if (std::vector<std::int64_t> facts = reads_.take(); !facts.empty())
    database_->post(ask::Reads{std::move(facts)});
}

void MemoryStage::publish_profile(Nanos now) {
  const auto limit = static_cast<std::size_t>(stage::recall_tokens(context_->config()));
  outbox_.put_block(0, ++generation_, now, recall_.profile(limit));
}

int MemoryStage::take_told(Nanos now) {
  if (database_)
    for (Told& item : database_->poll()) told_.push_back(std::move(item));
  int items = 0;
  bool heavy = false;  // a page of messages to index is work enough for one cycle
  while (!told_.empty() && !heavy) {
    Told item = std::move(told_.front());
    told_.pop_front();
    heavy = std::holds_alternative<told::Loaded>(item);
    std::visit([&](auto& what) { on(what, now); }, item);
    ++items;
  }
  if (model_ && extractor_)
    if (std::optional<ModelWorker::Answer> answer = model_->poll(); answer) {
      if (answer->tokens > 0) database_->post(ask::Use{{0, answer->tokens}});
      extractor_->answered(now, *answer);
      ++items;
    }
  return items + take_vectors(now);
}

void MemoryStage::remember(const std::vector<Message>& messages) {
  for (const Message& message : messages) recall_.put(message);
  count("index_kib", recall_.index().bytes() / 1024);
  count("evicted", recall_.index().evicted());
}

void MemoryStage::on(told::Stored& stored, Nanos) {
  remember(stored.messages);
  if (dense_) dense_->stored(stored.messages);
  for (Frame& frame : in_hand_)
    if (frame.sequence < stored.through_frame) frame.done = true;
}

void MemoryStage::on(told::Loaded& loaded, Nanos now) {
  if (!loaded.complete) database_->post(ask::LoadMore{});  // it is read while this one is taken in
  remember(loaded.messages);
  if (!loaded.complete) return;
  loaded_ = true;
  log_info("{} messages remembered", recall_.turns());
  publish_profile(now);
  if (last_request_) answer(*last_request_, now);
  last_request_.reset();
}

void MemoryStage::on(told::Facts& facts, Nanos now) {
  names_.put(facts.names);
  if (dense_) dense_->set_facts(facts.facts);
  facts.facts.insert(facts.facts.end(), facts.past.begin(), facts.past.end());
  recall_.set_facts(std::move(facts.facts));
  if (extractor_) extractor_->facts_changed();
  // Never over a block that answers a question: the next question sees the new facts anyway.
  if (loaded_ && recalls_ == 0) publish_profile(now);
}

void MemoryStage::on(told::Forgotten& forgotten, Nanos) {
  recall_ = Recall(index_bytes());
  loaded_ = false;
  outbox_.drop_blocks();
  names_.put({});  // until it is known what is left
  open_.clear();
  if (dense_)
    for (const MessageKey& key : forgotten.messages) dense_->forget(key);
  if (forgotten.everything || !forgotten.messages.empty())
    outbox_.put_forgotten(forgotten.messages, forgotten.everything);
}

void MemoryStage::on(told::Found& found, Nanos now) {
  if (found.messages.empty()) return;
  const wire::RecallRequest& request = found.search.request;
  outbox_.put_block(
      request.request, ++generation_, now,
      recall_.answer(found.search.query, request.conversation, block_limit(request), {found.messages, {}}));
}

void MemoryStage::on(told::History& history, Nanos) {
  const ask::History& question = history.question;
  if (history.failed)
    history.messages =
        recall_.history(question.conversation, static_cast<std::size_t>(question.max_messages));
  outbox_.put_history(question.conversation, question.request, history.messages);
}

void MemoryStage::on(told::Claimed& claimed, Nanos now) {
  if (extractor_) extractor_->claimed(now, std::move(claimed.job));
}

void MemoryStage::on(told::CommunityClaimed& claimed, Nanos) {
  if (extractor_) extractor_->claimed_community(std::move(claimed.task));
}

void MemoryStage::on(told::Communities& communities, Nanos) {
  std::vector<std::string> summaries;
  for (Community& community : communities.communities) summaries.push_back(std::move(community.summary));
  count("communities", summaries.size());
  recall_.set_summaries(summaries);
}

void MemoryStage::on(told::JobClosed&, Nanos) {
  if (extractor_) extractor_->closed();
}

void MemoryStage::on(told::JobsDone& done, Nanos) {
  if (phase_ != Phase::kRunning) drained_ += static_cast<std::uint64_t>(done.count);
}

void MemoryStage::on(told::Gauges& gauges, Nanos) {
  if (dense_ && gauges.up && !gauges_.up) dense_->stored({});  // the schema is there now
  gauges_ = gauges;
  count("db_up", gauges.up ? 1 : 0);
  count("spooled", gauges.spooled);
  count("replayed", gauges.replayed);
  count("replay_ms", static_cast<std::uint64_t>(gauges.replay_time / kMillisecond));
  count("db_pool_size", gauges.pool.size);
  count("db_pool_free", gauges.pool.free);
  count("db_pool_most", gauges.pool.most);
  count("db_cut", gauges.pool.cut);
  count("spool_failing", gauges.spool_fails ? 1 : 0);
  count("refused", gauges.refused);
  count("dead_dropped", gauges.dead_dropped);
  count("model_calls_today", gauges.today.calls);
  count("model_tokens_today", gauges.today.tokens);
  if (!gauges.up) return;
  count("messages", gauges.counts.messages);
  count("jobs_ready", gauges.counts.jobs_ready);
  count("jobs_leased", gauges.counts.jobs_leased);
  count("jobs_dead", gauges.counts.jobs_dead);
  count("facts", gauges.counts.facts);
  count("facts_quarantined", gauges.counts.quarantined);
}

void MemoryStage::on(told::Closed& closed, Nanos) {
  const unsigned long long deferred = closed.counts.jobs_ready + closed.counts.jobs_leased + closed.spooled;
  std::printf("DRAINED=%llu DEFERRED=%llu\n", static_cast<unsigned long long>(drained_), deferred);
  std::fflush(stdout);
  // Only now: a crash in the drain meets the end again and repeats it.
  if (end_of_stream_) turns_->release_through(*end_of_stream_);
  phase_ = Phase::kFinished;
}

void MemoryStage::drain_step(Nanos now) {
  if (phase_ == Phase::kRunning || phase_ == Phase::kFinished) return;
  limit_storing(now);
  if (phase_ == Phase::kStoring) {
    if (!in_hand_.empty()) return;
    const auto allowance =
        static_cast<Nanos>(context_->config().get_double("memory.drain_model_s") * kSecond);
    if (extractor_) extractor_->drain(drain_began_ + allowance);
    phase_ = Phase::kExtracting;
  }
  if (phase_ != Phase::kExtracting) return;
  if (extractor_) {
    if (context_->drain() == ipc::Drain::kNow) extractor_->drain(now);
    extractor_->step(now, quiet_since_, gauges_.counts.jobs_ready);
    if (!extractor_->drained(now)) return;
  }
  count_reads();
  database_->post(ask::Close{});
  phase_ = Phase::kClosing;
}

Nanos MemoryStage::next_deadline(Nanos now) const {
  if (!extractor_ || phase_ == Phase::kStoring || phase_ == Phase::kClosing) return reads_.due();
  const std::uint64_t jobs = gauges_.up ? gauges_.counts.jobs_ready : 0;
  return std::min(reads_.due(), extractor_->next_deadline(now, quiet_since_, jobs));
}

void MemoryStage::stop() noexcept {
  // The model first: its job goes back before the connection closes.
  desk_.stop();
  const bool asking = extractor_ && extractor_->state() == Extractor::State::kAsking;
  model_.reset();
  if (asking && database_) extractor_->hand_back();
  if (database_) database_->end_within(kHurry);
  dense_.reset();
  extractor_.reset();
  database_.reset();
}

}  // namespace prot::memory
