#include "brain_stage.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "json/json.hpp"
#include "memory_words.hpp"
#include "stage/echo_choice.hpp"
#include "stage/model_specs.hpp"

namespace prot::brain {
namespace {

constexpr Nanos kSlowToken = 30 * kMillisecond;  // of a prompt; two cores that others use too
constexpr std::string_view kOffTheRecord = "off the record: nothing that is said is kept";
constexpr Nanos kHearingDelay = 100 * kMillisecond;  // of capture's marks, on a busy machine

stage::ModelSpec::Kind first_kind(const stage::Config& config) {
  return stage::model_specs(config).front().kind;
}

bool local_model(const stage::Config& config) { return first_kind(config) == stage::ModelSpec::Kind::kLocal; }

int most_tokens(const stage::Config& config) {
  constexpr int kAnthropic = 1500;  // it keeps short by itself, and is quick
  constexpr int kOther = 160;
  const auto configured = static_cast<int>(config.get_int("brain.max_tokens"));
  if (configured != 0) return configured;
  return first_kind(config) == stage::ModelSpec::Kind::kAnthropic ? kAnthropic : kOther;
}

std::size_t history_of(const stage::Config& config) {
  return history_tokens(static_cast<std::size_t>(config.get_int("brain.history_tokens")),
                        local_model(config));
}

// No single result may push out the rest of a small history.
std::size_t most_of_a_result(const stage::Config& config) {
  return std::clamp<std::size_t>(history_of(config), 1024, Toolbox::kMaxResult);
}

Prompt::Settings prompt_settings(const stage::Config& config, const Toolbox& toolbox) {
  Prompt::Settings settings;
  settings.language = config.language();
  settings.persona = read_persona(config.get_string("brain.persona_file"));
  settings.max_tokens = most_tokens(config);
  settings.temperature = config.get_double("brain.temperature");
  settings.compact = local_model(config);
  settings.tools = toolbox.descriptions();
  return settings;
}

VoiceSettings voice_settings(const stage::StageContext& context) {
  const stage::Config& config = context.config();
  VoiceSettings settings;
  settings.barge_in.enabled = config.get_bool("brain.barge_in");
  settings.barge_in.separable = stage::own_voice_is_unheard(config);
  settings.barge_in.grace = config.get_int("brain.barge_in_grace_ms") * kMillisecond;
  settings.barge_in.sustained = config.get_int("brain.barge_in_ms") * kMillisecond;
  settings.barge_in.notice = config.get_int("capture.pause_ms") * kMillisecond + kHearingDelay;
  settings.backchannels = config.get_list("brain.backchannels");
  settings.stop_words = config.get_list("brain.stop_words");
  settings.wait_notice = config.get_int("brain.wait_notice_ms") * kMillisecond;
  settings.tool_notice = config.get_int("brain.tool_notice_ms") * kMillisecond;
  settings.active_timeout = static_cast<Nanos>(config.get_double("brain.active_timeout_s") * kSecond);
  settings.turns_file = (context.environment().paths.state / "said" / "turns.jsonl").string();
  return settings;
}

std::uint32_t block_tokens(const stage::Config& config) {
  return config.get_bool("memory.enabled") ? static_cast<std::uint32_t>(stage::recall_tokens(config)) : 0;
}

void add(ipc::Word& counter, std::uint64_t value) { counter.store(value, std::memory_order_relaxed); }

}  // namespace

BrainStage::BrainStage(stage::StageContext& context, std::unique_ptr<LanguageModel> model,
                       std::vector<std::unique_ptr<ToolBackend>> tools,
                       std::unique_ptr<ToolSource> more_tools)
    : context_(context),
      model_(std::move(model)),
      more_tools_(std::move(more_tools)),
      server_(context.loop()),
      parts_{context,
             *model_,
             Outbox(context.output("speech")),
             Outbox(context.output("turns"), !context.config().get_bool("memory.enabled"),
                    (context.environment().paths.state / "spool" / "brain").string()),
             MemoryClient(context.input("recall"), parts_.turns, block_tokens(context.config()),
                          context.config().get_bool("memory.enabled")),
             Toolbox(std::move(tools), most_of_a_result(context.config())),
             Prompt(prompt_settings(context.config(), parts_.toolbox)),
             Conversations(history_of(context.config())),
             TurnJournal((context.environment().paths.runtime / "brain.turn").string(),
                         context.environment().run_id),
             TextJournal((context.environment().paths.runtime / "brain.text").string()),
             RoundsJournal((context.environment().paths.runtime / "brain.rounds").string(),
                           context.environment().run_id),
             Prefill(*model_),
             Preemptive(*model_, preemptive_when(context.config().get_string("brain.preemptive"))),
             MessageNumbers(context.board().conversation()),
             context.config().language(),
             [this](std::string_view line) { server_.broadcast(line); },
             Record((context.environment().paths.state / "said" / "off_the_record").string()),
             MemoryTalks(parts_.memory)},
      voice_(parts_, voice_settings(context)),
      texts_(parts_, server_),
      memory_read_(context.config().get_int("brain.memory_read_ms") * kMillisecond) {}

BrainStage::~BrainStage() { stop(); }

void BrainStage::start() {
  tell_engine();
  const ipc::Sources covered = context_.output("turns").resume_sources();
  for (const char* ring : {"transcript", "playback"})
    context_.input(ring).resume(covered.seq[context_.input_index(ring)]);
  server_.start((context_.environment().paths.runtime / "chat.sock").string());
  parts_.turns.set_off_the_record(parts_.record.off());
  parts_.text_journal.load();
  parts_.rounds_journal.load();
  const Nanos now = context_.clock().now();
  voice_.start(now);
  // A restarted one finds it in the server's cache, and somebody may be waiting for it.
  if (context_.environment().generation <= 1)
    warm_until_ = now + context_.config().get_int("brain.warm_up_ms") * kMillisecond;
}

bool BrainStage::ready(Nanos now) const {
  return now >= warm_until_ || !parts_.prefill.running() || !voice_.quiet();
}

// Which model works may change while it runs.
void BrainStage::tell_engine() {
  if (engine_ == model_->name()) return;
  engine_ = model_->name();
  reading_ = {};
  context_.set_engine(engine_);
}

// Between two replies only: within one its requests must go on as they began.
int BrainStage::look_for_tools(Nanos now) {
  int items = 0;
  if (more_tools_ && more_tools_->changed() && voice_.quiet() && texts_.quiet()) {
    parts_.toolbox.set_more(more_tools_->tools());
    parts_.prompt.set_tools(parts_.toolbox.descriptions());
    words_at_ = 0;
    items = 1;
  }
  if (now < words_at_) return items;
  words_at_ = now + kSecond;
  std::string words = parts_.toolbox.words();
  if (const std::string more = more_tools_ ? more_tools_->words() : ""; !more.empty())
    words += (words.empty() ? "" : "; ") + more;
  if (!words.empty()) words.insert(0, "tools: ");
  if (parts_.record.off())
    words.insert(0, words.empty() ? std::string(kOffTheRecord) : std::string(kOffTheRecord) + "; ");
  if (words != tool_words_) context_.say_status(words);
  tool_words_ = words;
  return items;
}

void BrainStage::stop() noexcept { server_.stop(); }

int BrainStage::do_work(Nanos now) {
  int items = parts_.speech.flush() + parts_.turns.flush();
  items += parts_.turns.relieve(now);
  items += pump_chat(now);
  items += pump_hearing(now);
  items += parts_.memory.poll();
  for (const MemoryClient::ForgottenNews& news : parts_.memory.take_forgotten()) forget(parts_, news);
  for (const MemoryClient::HistoryAnswer& answer : parts_.memory.take_histories()) {
    const Lane lane = answer.conversation == parts_.journal.conversation() ? Lane::kVoice : Lane::kText;
    parts_.conversations.at(answer.conversation).restore(answer.json, lane, [&](std::uint64_t user_sequence) {
      return parts_.rounds_journal.find(answer.conversation, user_sequence);
    });
    voice_.on_history(answer.conversation);
    texts_.on_history(answer.conversation);
  }
  items += pump_playback(now);
  items += pump_transcript(now);
  items += pump_model(now);
  items += voice_.tick(now);
  items += texts_.tick(voice_.generating(), now);
  parts_.talks.tick(now);
  items += look_for_tools(now);
  items += pump_drain(now);
  count();
  return items;
}

int BrainStage::pump_hearing(Nanos now) {
  ipc::Input& ring = context_.input("hearing");
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  std::span<const std::byte> tail;
  int items = 0;
  while (ring.peek(info, payload) == ipc::TakeResult::kFrame) {
    wire::Hearing hearing{};
    if (wire::decode(info, payload, hearing, tail)) {
      voice_.on_hearing(info, hearing, now);
    } else if (!wire::is<wire::EndOfStream>(info)) {  // the end that counts is the transcripts'
      ++bad_frames_;
    }
    ring.release();
    ++items;
  }
  return items;
}

int BrainStage::pump_transcript(Nanos now) {
  ipc::Input& ring = context_.input("transcript");
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  std::span<const std::byte> tail;
  int items = 0;
  while (!transcript_over_ && !voice_.transcript_held() &&
         ring.peek(info, payload) == ipc::TakeResult::kFrame) {
    wire::Transcript transcript{};
    if (wire::is<wire::EndOfStream>(info)) {  // released when it was forwarded
      transcript_over_ = true;
      return items + 1;
    }
    VoiceTurns::Taken taken = VoiceTurns::Taken::kDone;
    if (wire::decode(info, payload, transcript, tail)) {
      taken = voice_.on_transcript(info, transcript, wire::as_text(tail), now);
    } else {
      ++bad_frames_;
    }
    if (taken == VoiceTurns::Taken::kLater) {
      ring.rewind();
      return items;
    }
    if (taken == VoiceTurns::Taken::kDone) ring.release_through(info.sequence);
    ++items;
  }
  if (!transcript_over_ && ring.producer_closed() && !ring.has_data() && voice_.quiet())
    transcript_over_ = true;
  return items;
}

int BrainStage::pump_playback(Nanos now) {
  ipc::Input& ring = context_.input("playback");
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  std::span<const std::byte> tail;
  int items = 0;
  while (!playback_over_ && !voice_.playback_held() && ring.peek(info, payload) == ipc::TakeResult::kFrame) {
    wire::Playback playback{};
    if (wire::is<wire::EndOfStream>(info)) {
      playback_over_ = true;
      return items + 1;
    }
    VoiceTurns::Taken taken = VoiceTurns::Taken::kDone;
    if (wire::decode(info, payload, playback, tail)) {
      taken = voice_.on_playback(info, playback, now);
    } else {
      ++bad_frames_;
    }
    if (taken == VoiceTurns::Taken::kDone) ring.release_through(info.sequence);
    ++items;
  }
  return items;
}

int BrainStage::pump_model(Nanos now) {
  if (parts_.speech.crowded() || parts_.turns.crowded()) return 0;  // back-pressure: the transport pauses
  int items = 0;
  for (const ModelEvent& event : model_->poll(now)) {
    ++items;
    if (event.kind == ModelEvent::Kind::kUsage) reading_.learn(event.usage);
    if (parts_.prefill.on_event(event, now) || parts_.preemptive.on_event(event)) continue;
    voice_.on_model(event, now);
    texts_.on_model(event, now);
  }
  tell_engine();
  limit_memory();
  return items;
}

// A person waits for each token of the memory block: it is only known once their words are. Until it tells
// its rate, a model on this machine is taken for a slow one.
void BrainStage::limit_memory() {
  if (memory_read_ == 0) return;
  std::uint32_t tokens = reading_.tokens_in(memory_read_);
  if (tokens == 0 && model_->can_prefill())
    tokens = static_cast<std::uint32_t>(std::max<Nanos>(memory_read_ / kSlowToken, 1));
  parts_.memory.limit_spoken(tokens);
}

int BrainStage::pump_chat(Nanos now) {
  int items = 0;
  for (const ChatRequest& request : server_.take()) {
    ++items;
    if (request.kind == ChatRequest::Kind::kSubscribe) {
      server_.subscribe(request.client);
    } else if (request.kind == ChatRequest::Kind::kRecord) {
      if (request.record != ChatRequest::Record::kAsk)
        set_record(parts_, request.record == ChatRequest::Record::kOff);
      json::Writer out;
      out.begin_object().member("type", "record").member("on", !parts_.record.off());
      server_.send(request.client, out.end_object().str());
      words_at_ = 0;
    } else if (request.kind == ChatRequest::Kind::kNewConversation) {
      voice_.new_conversation(now);
      ChatRequest hello = request;
      hello.kind = ChatRequest::Kind::kHello;
      hello.conversation = to_string(parts_.journal.conversation());
      texts_.on_request(hello, voice_.state(), now);
    } else {
      texts_.on_request(request, voice_.state(), now);
    }
  }
  return items;
}

int BrainStage::pump_drain(Nanos now) {
  if (!pressed_ && context_.drain() == ipc::Drain::kNow) {
    pressed_ = true;
    voice_.cut_short(now);
    texts_.stop(true);
    return 1;
  }
  switch (drain_) {
    case DrainStep::kOpen:
      if (!transcript_over_) return 0;
      texts_.stop(false);
      drain_ = DrainStep::kFinish;
      return 1;
    case DrainStep::kFinish:
      if (!voice_.quiet() || !texts_.quiet()) return 0;
      parts_.prefill.stop();
      parts_.speech.push(wire::EndOfStream{}, {}, {}, [this] { drain_ = DrainStep::kPlayback; });
      if (drain_ == DrainStep::kFinish) drain_ = DrainStep::kFlush;  // full: flush() goes on
      return 1;
    case DrainStep::kPlayback: {
      ipc::Input& playback = context_.input("playback");
      if (!playback_over_ && !(playback.producer_closed() && !playback.has_data())) return 0;
      drain_ = DrainStep::kFlush;
      parts_.turns.push(wire::EndOfStream{}, {}, {}, [this] {
        for (const char* ring : {"transcript", "playback"}) context_.input(ring).release();
        drain_ = DrainStep::kDone;
      });
      return 1;
    }
    case DrainStep::kFlush:
    case DrainStep::kDone:
      return 0;
  }
  return 0;
}

Nanos BrainStage::next_deadline(Nanos now) const {
  if (drain_ == DrainStep::kDone) return kNever;  // nothing is waited for any more, whatever the state
  const bool paused = parts_.speech.crowded() || parts_.turns.crowded();  // it is not asked: see pump_model
  return std::min({voice_.next_deadline(), texts_.next_deadline(), paused ? kNever : model_->next_deadline(),
                   parts_.turns.next_deadline(), parts_.talks.next_deadline(),
                   now < warm_until_ ? warm_until_ : kNever});
}

void BrainStage::count() {
  const VoiceCounts& counts = voice_.counts();
  add(context_.counter("dropped_utterances"), counts.own_voice);
  add(context_.counter("holds"), counts.holds);
  add(context_.counter("interruptions"), counts.interruptions);
  add(context_.counter("backchannels"), counts.backchannels);
  const Watchdogs& dogs = voice_.watchdogs();
  add(context_.counter("watchdog_listening"), dogs.fired(State::kListening));
  add(context_.counter("watchdog_processing"), dogs.fired(State::kProcessing));
  add(context_.counter("watchdog_speaking"), dogs.fired(State::kSpeaking));
  add(context_.counter("watchdog_interrupted"), dogs.fired(State::kInterrupted));
  add(context_.counter("refused_transitions"), voice_.refused());
  add(context_.counter("bad_frames"), bad_frames_);
  add(context_.counter("prefills"), parts_.prefill.count());
  add(context_.counter("preemptive_tried"), parts_.preemptive.tried());
  add(context_.counter("preemptive_used"), parts_.preemptive.used());
  add(context_.counter("speech_waiting"), parts_.speech.size());
  add(context_.counter("stale_frames"), parts_.speech.stale());
  add(context_.counter("turns_waiting"), parts_.turns.size());
  add(context_.counter("chat_clients"), server_.clients());
}

}  // namespace prot::brain
