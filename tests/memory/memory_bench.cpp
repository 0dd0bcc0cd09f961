#include "tests/memory/memory_bench.hpp"

#include <cstdlib>
#include <cstring>

#include "base/error.hpp"
#include "wire/memory.hpp"

namespace prot::test {

using memory::TurnRecord;

std::string ScriptedModel::ask(std::string_view, std::string_view, std::string_view, std::stop_token stop) {
  std::unique_lock lock(script_->mutex);
  ++script_->asked;
  script_->changed.notify_all();
  const std::stop_callback wake(stop, [this] { script_->changed.notify_all(); });
  // Polls the token: the callback may run between the check and the wait.
  while (script_->hang && !stop.stop_requested())
    script_->changed.wait_for(lock, std::chrono::milliseconds(20));
  if (stop.stop_requested()) {
    ++script_->cancelled;
    throw memory::ServiceError(memory::ServiceError::Kind::kCancelled, "cancelled");
  }
  return script_->answer;
}

MemoryBench::Environment::Environment(const TempFolder& folder) {
  for (const char* name : {"XDG_STATE_HOME", "XDG_RUNTIME_DIR"}) ::setenv(name, folder.path().c_str(), 1);
}

MemoryBench::MemoryBench(StoreMaker store, std::vector<std::string> overrides)
    : environment_(folder), run("memory", clock, std::move(overrides)), make_store_(std::move(store)) {}

MemoryBench::~MemoryBench() { end(); }

void MemoryBench::start() {
  end();
  answers_.clear();
  context_ = run.attach();
  std::filesystem::create_directories(context_->environment().paths.runtime);
  std::filesystem::create_directories(context_->environment().paths.state / "said");
  context_->loop().watch_readable(context_->bell().fd(), [] {});
  memory::MemoryStage::Parts parts;
  parts.store = make_store_();
  parts.engine = parts.store->name();
  if (with_model) parts.model = std::make_unique<ScriptedModel>(script);
  if (dense) parts.dense = dense();
  stage = std::make_unique<memory::MemoryStage>(*context_, std::move(parts));
  stage->start();
}

void MemoryBench::end() {
  if (stage) stage->stop();
  stage.reset();
  context_.reset();
}

void MemoryBench::send(const TurnRecord& record) {
  const auto fill = [&](auto head) {
    head.conversation = record.key.conversation;
    head.sequence = record.key.sequence;
    head.wall_ns = record.wall_ns;
    head.channel = record.channel;
    if constexpr (std::is_same_v<decltype(head), wire::ReplySegment>) head.segment = record.segment;
    if constexpr (std::is_same_v<decltype(head), wire::ReplyEnd>)
      head.interrupted = record.interrupted ? 1 : 0;
    if (wire::send(run.into("turns"), head, wire::as_bytes(record.text), {}) != ipc::PublishResult::kOk)
      throw Error("the ring 'turns' is full");
  };
  switch (record.kind) {
    case TurnRecord::Kind::kUser:
      return fill(wire::UserMessage{});
    case TurnRecord::Kind::kSegment:
      return fill(wire::ReplySegment{});
    case TurnRecord::Kind::kEnd:
      return fill(wire::ReplyEnd{});
    case TurnRecord::Kind::kForget: {
      wire::ForgetRequest wish{};
      wish.conversation = record.key.conversation;
      wish.first = record.key.sequence;
      wish.last = record.last_sequence;
      (void)wire::send(run.into("turns"), wish, {}, {});
      return;
    }
  }
}

void MemoryBench::ask(std::uint64_t request, std::string_view question,
                      const wire::ConversationId& conversation, std::uint32_t max_tokens) {
  wire::RecallRequest head{};
  head.conversation = conversation;
  head.request = request;
  head.max_tokens = max_tokens;
  (void)wire::send(run.into("turns"), head, wire::as_bytes(question), {});
}

void MemoryBench::ask_history(std::uint64_t request, const wire::ConversationId& conversation) {
  wire::HistoryRequest head{};
  head.conversation = conversation;
  head.request = request;
  head.max_messages = 50;
  (void)wire::send(run.into("turns"), head, {}, {});
}

void MemoryBench::ask_desk(std::uint64_t request, std::string_view command) {
  wire::DeskRequest head{};
  head.request = request;
  (void)wire::send(run.into("turns"), head, wire::as_bytes(command), {});
}

void MemoryBench::end_of_stream() { (void)wire::send(run.into("turns"), wire::EndOfStream{}, {}, {}); }

void MemoryBench::take_recall() {
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  while (run.from("recall").peek(info, payload) == ipc::TakeResult::kFrame) {
    std::span<const std::byte> tail;
    wire::RecallBlock block{};
    wire::History history{};
    if (wire::decode(info, payload, block, tail))
      answers_[block.request] = {block.request, false, block.tokens, std::string(wire::as_text(tail))};
    if (wire::decode(info, payload, history, tail))
      answers_[history.request] = {history.request, true, 0, std::string(wire::as_text(tail))};
    if (wire::DeskAnswer desk{}; wire::decode(info, payload, desk, tail))
      answers_[desk.request] = {desk.request, false, 0, std::string(wire::as_text(tail))};
    if (wire::Forgotten forgotten{}; wire::decode(info, payload, forgotten, tail)) {
      const std::size_t before = forgotten_.size();
      forgotten_.resize(before + tail.size() / sizeof(std::uint64_t));
      std::memcpy(forgotten_.data() + before, tail.data(), tail.size());
    }
    run.from("recall").release();
  }
}

bool MemoryBench::until(const std::function<bool()>& condition, Nanos limit) {
  const Nanos deadline = clock.now() + limit;
  while (!condition()) {
    const Nanos now = clock.now();
    if (now >= deadline) return false;
    if (!stage || stage->finished()) return condition();
    context_->disarm();
    context_->bell().clear();
    const int items = stage->do_work(now);
    take_recall();
    if (items > 0 || !context_->arm()) {
      context_->loop().poll();
      continue;
    }
    (void)context_->loop().wait(std::min({stage->next_deadline(now), now + 50 * kMillisecond, deadline}));
  }
  return true;
}

Recalled MemoryBench::answer(std::uint64_t request, Nanos limit) {
  (void)until([&] { return answers_.contains(request); }, limit);
  const auto found = answers_.find(request);
  if (found == answers_.end()) return {};
  Recalled recalled = found->second;
  answers_.erase(found);
  return recalled;
}

std::filesystem::path MemoryBench::spool(const std::string& whose) const {
  return context_->environment().paths.state / "spool" / whose;
}

std::filesystem::path MemoryBench::runtime_file(const std::string& name) const {
  return context_->environment().paths.runtime / name;
}

}  // namespace prot::test
