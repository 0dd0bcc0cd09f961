#include "brain_bench.hpp"

#include <stdlib.h>

namespace prot::test {

BrainBench::BrainBench(std::vector<std::string> overrides,
                       const std::map<std::string, std::uint64_t>& capacities, Tools tools)
    : tools_(std::move(tools)) {
  ::setenv("XDG_RUNTIME_DIR", (folder.path() / "run").c_str(), 1);
  ::setenv("XDG_STATE_HOME", (folder.path() / "state").c_str(), 1);
  overrides.insert(overrides.begin(), {"general.language=en", "capture.echo_cancellation=off"});
  run = std::make_unique<PrivateRun>("brain", clock, std::move(overrides), capacities);
  make();
}

void BrainBench::make() {
  context = run->attach();
  std::filesystem::create_directories(context->environment().paths.runtime);
  std::filesystem::create_directories(context->environment().paths.state / "said");
  auto fake = std::make_unique<FakeModel>();
  model = fake.get();
  stage = std::make_unique<brain::BrainStage>(
      *context, std::move(fake), tools_ ? tools_() : std::vector<std::unique_ptr<brain::ToolBackend>>{});
  stage->start();
  work();
}

void BrainBench::work() {
  for (int i = 0; i < 200; ++i) {
    context->loop().poll();
    if (stage->do_work(clock.now()) == 0) return;
  }
}

void BrainBench::restart() {
  stage.reset();
  context.reset();
  make();
}

void BrainBench::hear(wire::Heard what, std::uint32_t utterance, Nanos at) {
  wire::Hearing head{};
  head.what = what;
  head.at_ns = at != 0 ? at : clock.now();
  head.decided_ns = clock.now();
  (void)wire::send(run->into("hearing"), head, {}, {.turn = utterance, .made_ns = clock.now()});
  work();
}

void BrainBench::transcript(wire::TranscriptKind what, std::uint32_t utterance, std::string_view text,
                            Nanos speech_start, Nanos speech_end) {
  wire::Transcript head{};
  head.what = what;
  head.speech_start_ns = speech_start != 0 ? speech_start : clock.now() - kSecond / 2;
  head.speech_end_ns = speech_end != 0 ? speech_end : clock.now();
  head.end_wait_ms = 320;
  head.end_probability = 0.875F;
  (void)wire::send(run->into("transcript"), head, wire::as_bytes(text),
                   {.turn = utterance, .made_ns = clock.now()});
  work();
}

void BrainBench::say(std::uint32_t utterance, std::string_view text) {
  hear(wire::Heard::kStarted, utterance);
  hear(wire::Heard::kConfirmed, utterance);
  const Nanos began = clock.now();
  advance(600 * kMillisecond);
  hear(wire::Heard::kEnded, utterance);
  transcript(wire::TranscriptKind::kFinal, utterance, text, began, clock.now());
  advance(60 * kMillisecond);  // memory did not answer
}

void BrainBench::play(wire::Played what, std::uint32_t turn, std::uint32_t segment, std::uint32_t bytes,
                      std::uint32_t samples) {
  wire::Playback head{};
  head.what = what;
  head.segment = segment;
  head.bytes_heard = bytes;
  head.samples_heard = samples;
  head.at_ns = clock.now();
  (void)wire::send(run->into("playback"), head, {}, {.turn = turn, .made_ns = clock.now()});
  work();
}

void BrainBench::recall(std::uint64_t request, std::string_view block) {
  wire::RecallBlock head{};
  head.request = request;
  head.tokens = 7;
  (void)wire::send(run->into("recall"), head, wire::as_bytes(block), {.made_ns = clock.now()});
  work();
}

void BrainBench::end_of_stream(std::string_view ring) {
  (void)wire::send(run->into(ring), wire::EndOfStream{}, {}, {.made_ns = clock.now()});
  work();
}

std::vector<Sent> BrainBench::sent(std::string_view ring) {
  std::vector<Sent> out;
  ipc::Input& input = run->from(ring);
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  std::span<const std::byte> tail;
  while (input.peek(info, payload) == ipc::TakeResult::kFrame) {
    Sent one{static_cast<wire::Kind>(info.kind), info.turn, {}, 0, false, 0, 0};
    tail = {};
    wire::Segment segment{};
    wire::TurnEnd turn_end{};
    wire::UserMessage user{};
    wire::ReplySegment said{};
    wire::ReplyEnd end{};
    wire::RecallRequest recall{};
    wire::HistoryRequest history{};
    if (wire::decode(info, payload, segment, tail)) one.number = segment.segment;
    if (wire::decode(info, payload, turn_end, tail)) one.number = turn_end.segments;
    if (wire::decode(info, payload, user, tail)) one.number = user.sequence;
    if (wire::decode(info, payload, said, tail)) one.number = said.sequence;
    if (wire::decode(info, payload, recall, tail)) {
      one.number = recall.request;
      one.most = recall.max_tokens;
      one.line = recall.line_tokens;
    }
    if (wire::decode(info, payload, history, tail)) one.number = history.request;
    if (wire::DeskRequest desk{}; wire::decode(info, payload, desk, tail)) one.number = desk.request;
    if (wire::ForgetRequest forget{}; wire::decode(info, payload, forget, tail)) one.number = forget.first;
    if (wire::decode(info, payload, end, tail)) {
      one.number = end.sequence;
      one.interrupted = end.interrupted != 0;
    }
    one.text = wire::as_text(tail);
    out.push_back(std::move(one));
    input.release();
  }
  return out;
}

std::vector<Sent> of_kind(const std::vector<Sent>& all, wire::Kind kind) {
  std::vector<Sent> out;
  for (const Sent& one : all)
    if (one.kind == kind) out.push_back(one);
  return out;
}

std::string BrainBench::spoken() {
  std::string out;
  for (const Sent& one : sent("speech")) {
    if (one.kind == wire::Kind::kSegment) out += "<" + one.text + ">";
    if (one.kind == wire::Kind::kTurnEnd) out += "|";
  }
  return out;
}

}  // namespace prot::test
