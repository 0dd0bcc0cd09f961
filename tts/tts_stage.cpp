#include "tts_stage.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"

namespace prot::tts {
namespace {

constexpr Nanos kAnswerWithin = 20 * kSecond;
constexpr std::size_t kFirstChunkMs = 20;  // small, so that the first sound is not kept waiting
constexpr std::size_t kChunkMs = 40;
constexpr std::size_t kPointsPerFrame = 1000;
constexpr unsigned kNoRate = 16'000;  // of a segment that has no samples

void count(ipc::Word& word, std::uint64_t by = 1) {
  word.store(word.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

}  // namespace

TtsStage::TtsStage(stage::StageContext& context, std::unique_ptr<Synthesizer> voice,
                   Pronunciations pronunciations)
    : context_(&context),
      voice_(std::move(voice)),
      pronunciations_(std::move(pronunciations)),
      speech_(&context.input("speech")),
      pcm_(&context.output("pcm")),
      source_(context.input_index("speech")) {}

void TtsStage::start() {
  voice_->start();
  show_engine();
  for (const char* label : {"segments", "failed_segments"})
    static_cast<void>(context_->counter(label));  // 0, not absent
  speech_->resume(pcm_->resume_sources().seq[source_]);
}

void TtsStage::stop() noexcept { voice_->stop(); }

int TtsStage::do_work(Nanos now) {
  int items = drop_if_cancelled();
  switch (state_) {
    case State::kWaiting:
      voice_->tend();
      show_engine();
      return items + take(now);
    case State::kSpeaking:
      return items + speak(now);
    case State::kPassing:
      return items + (pass() ? 1 : 0);
    case State::kFinished:
      return items;
  }
  return items;
}

Nanos TtsStage::next_deadline(Nanos /*now*/) const {
  return state_ == State::kSpeaking && !job_.piece ? std::min(job_.answer_by, voice_->next_deadline())
                                                   : kNever;
}

// ---- input

int TtsStage::take(Nanos now) {
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  const ipc::TakeResult result = speech_->peek(info, payload);
  if (result == ipc::TakeResult::kFaulted) throw Error("ring speech: it is damaged");
  if (result == ipc::TakeResult::kEmpty) {
    if (!speech_->producer_closed() || speech_->has_data()) return 0;
    log_warn("brain is gone for good: ending");
    job_ = {};
    state_ = State::kPassing;
    pass_ = Pass::kEndOfStream;
    return 1;
  }
  if (context_->board().is_cancelled(info.turn) && !wire::is<wire::EndOfStream>(info)) {
    return static_cast<int>(speech_->drop_stale(context_->board().conversation().cancelled_turn));
  }
  job_ = {};
  job_.covers = info.sequence + 1;
  job_.turn = info.turn;
  if (begin_segment(info, payload, now)) return 1;
  wire::TurnEnd end{};
  std::span<const std::byte> tail;
  if (wire::decode(info, payload, end, tail)) {
    turn_segments_ = end.segments;
    pass_ = Pass::kTurnEnd;
    state_ = State::kPassing;
  } else if (wire::is<wire::EndOfStream>(info)) {
    pass_ = Pass::kEndOfStream;
    state_ = State::kPassing;
  } else {
    log_error("ring speech: a frame of kind {} version {} is not understood; left out", info.kind,
              info.version);
    count(context_->counter("bad_frames"));
    speech_->release();
  }
  return 1;
}

bool TtsStage::begin_segment(const ipc::FrameInfo& info, std::span<const std::byte> payload, Nanos now) {
  wire::Segment segment{};
  std::span<const std::byte> tail;
  if (!wire::decode(info, payload, segment, tail)) return false;
  job_.request.turn = info.turn;
  job_.request.segment = segment.segment;
  job_.request.language.assign(segment.language, ::strnlen(segment.language, sizeof segment.language));
  job_.text = wire::as_text(tail);
  job_.form = spoken_form(job_.text, job_.request.language, pronunciations_);
  job_.request.text = job_.form.text;
  job_.joins = segment.joins != 0;
  job_.answer_by = now + kAnswerWithin;
  voice_->begin(job_.request);
  state_ = State::kSpeaking;
  return true;
}

int TtsStage::drop_if_cancelled() {
  const bool open = state_ == State::kSpeaking || (state_ == State::kPassing && pass_ == Pass::kTurnEnd);
  if (!open || !context_->board().is_cancelled(job_.turn)) return 0;
  if (state_ == State::kSpeaking) voice_->cancel();
  const std::uint64_t dropped = speech_->drop_stale(context_->board().conversation().cancelled_turn);
  state_ = State::kWaiting;
  return static_cast<int>(dropped);
}

// ---- output

int TtsStage::speak(Nanos now) {
  int items = 0;
  while (state_ == State::kSpeaking) {
    if (!job_.piece && !next_piece(now)) break;
    if (!write_piece(now)) return items;  // pcm is full: offered again when there is room
    ++items;
  }
  if (items == 0 && !job_.piece && state_ == State::kSpeaking && now >= job_.answer_by)
    throw Error(voice_->name() + ": no answer for " + std::to_string(kAnswerWithin / kSecond) +
                " s: it hangs");
  return items;
}

// False: there is none yet.
bool TtsStage::next_piece(Nanos now) {
  Piece piece;
  if (!voice_->poll(piece)) return false;
  show_engine();
  job_.answer_by = now + kAnswerWithin;
  job_.written = 0;
  if (piece.kind == Piece::Kind::kAlignment) {
    piece.alignment = job_.form.to_source(job_.text, piece.alignment, job_.aligned);
    if (!piece.alignment.empty()) job_.aligned = piece.alignment.back().byte;
  }
  if (piece.kind == Piece::Kind::kAnew) begin_anew(false);
  if (piece.kind == Piece::Kind::kNotice) {
    begin_anew(true);
    piece.alignment = {{UINT32_MAX, 0}};  // whatever of the text was heard, all of the notice is to be played
  }
  job_.piece = std::move(piece);
  return true;
}

// Another voice speaks the segment: player leaves out the words that it has.
void TtsStage::begin_anew(bool notice) {
  job_.anew = job_.anew || job_.started;
  job_.started = false;
  job_.notice = notice;
  job_.samples = 0;
  job_.aligned = 0;
  count(context_->counter(notice ? "notices" : "takeovers"));
}

// True: the piece is written, the next may come.
bool TtsStage::write_piece(Nanos now) {
  const Piece& piece = *job_.piece;
  if (piece.kind == Piece::Kind::kAnew) {
    job_.piece.reset();
    return true;
  }
  job_.began_ns = piece.began_ns;
  if (!job_.started && !write_start(piece)) return false;
  switch (piece.kind) {
    case Piece::Kind::kSamples:
      if (!write_samples(piece)) return false;
      break;
    case Piece::Kind::kAlignment:
    case Piece::Kind::kNotice:
      if (!write_alignment(piece)) return false;
      break;
    case Piece::Kind::kAnew:
      break;
    case Piece::Kind::kDone:
    case Piece::Kind::kFailed:
      return write_segment_end(piece.kind == Piece::Kind::kFailed, now);
  }
  job_.piece.reset();
  return true;
}

bool TtsStage::write_start(const Piece& piece) {
  const auto bytes = static_cast<std::uint32_t>(job_.notice ? 0 : job_.text.size());
  const wire::PcmStart head{job_.request.segment, piece.rate != 0 ? piece.rate : kNoRate, bytes,
                            job_.joins ? 1U : 0U};
  const std::uint16_t flags = job_.anew ? ipc::kFlagRestarted : std::uint16_t{0};
  job_.started =
      accepted(wire::send(*pcm_, head, {}, {.turn = job_.turn, .made_ns = piece.began_ns, .flags = flags}));
  return job_.started;
}

bool TtsStage::write_samples(const Piece& piece) {
  while (job_.written < piece.samples.size()) {
    const std::size_t most = piece.rate * (job_.samples == 0 ? kFirstChunkMs : kChunkMs) / 1000;
    const std::span<const std::int16_t> chunk =
        std::span(piece.samples).subspan(job_.written, std::min(most, piece.samples.size() - job_.written));
    const wire::PcmAudio head{job_.request.segment, job_.samples};
    if (job_.first_audio_ns == 0) job_.first_audio_ns = piece.first_audio_ns;
    if (!accepted(wire::send(*pcm_, head, wire::as_bytes(chunk),
                             {.turn = job_.turn, .made_ns = piece.first_audio_ns})))
      return false;
    job_.samples += static_cast<std::uint32_t>(chunk.size());
    job_.written += chunk.size();
  }
  return true;
}

bool TtsStage::write_alignment(const Piece& piece) {
  while (job_.written < piece.alignment.size()) {
    const std::span<const wire::AlignPoint> points =
        std::span(piece.alignment)
            .subspan(job_.written, std::min(kPointsPerFrame, piece.alignment.size() - job_.written));
    const wire::PcmAlign head{job_.request.segment, static_cast<std::uint32_t>(points.size())};
    if (!accepted(wire::send(*pcm_, head, std::as_bytes(points), {.turn = job_.turn}))) return false;
    job_.written += points.size();
  }
  return true;
}

bool TtsStage::write_segment_end(bool failed, Nanos now) {
  const wire::PcmSegmentEnd head{job_.request.segment, job_.samples,     job_.began_ns,
                                 job_.first_audio_ns,  failed ? 1U : 0U, 0};
  if (!accepted(wire::send(*pcm_, head, {}, {.turn = job_.turn, .sources = covering()}))) return false;
  if (failed) {
    log_warn("{}; segment {} of turn {} is left out", job_.piece->message, head.segment, job_.turn);
    count(context_->counter("failed_segments"));
  }
  count(context_->counter("segments"));
  log_debug("turn {} segment {}: {} samples, first after {} ms, all after {} ms", job_.turn, head.segment,
            head.samples, (head.first_audio_ns - head.synthesis_start_ns) / kMillisecond,
            (now - head.synthesis_start_ns) / kMillisecond);
  finish_frame(State::kWaiting);
  return true;
}

bool TtsStage::pass() {
  if (pass_ == Pass::kTurnEnd) {
    const wire::PcmTurnEnd head{turn_segments_, 0};
    if (!accepted(wire::send(*pcm_, head, {}, {.turn = job_.turn, .sources = covering()}))) return false;
    finish_frame(State::kWaiting);
    return true;
  }
  if (!accepted(wire::send(*pcm_, wire::EndOfStream{}, {}, {.sources = covering()}))) return false;
  finish_frame(State::kFinished);
  return true;
}

void TtsStage::show_engine() {
  std::string name = voice_->name();
  if (name == engine_) return;
  context_->set_engine(name);
  engine_ = std::move(name);
}

void TtsStage::finish_frame(State next) {
  speech_->release();
  job_ = {};
  state_ = next;
}

ipc::Sources TtsStage::covering() const {
  ipc::Sources sources;
  sources.seq[source_] = job_.covers;
  return sources;
}

// A player that is gone for good swallows everything. A frame that can never pass is a bug of ours.
bool TtsStage::accepted(ipc::PublishResult result) const {
  if (result == ipc::PublishResult::kOk || pcm_->consumer_closed()) return true;
  if (result == ipc::PublishResult::kFull) return false;
  throw Error("ring pcm: it is damaged or a frame is too large");
}

}  // namespace prot::tts
