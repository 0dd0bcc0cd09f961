#include "utterance_writer.hpp"

#include <algorithm>

namespace prot::capture {

using ipc::PublishResult;

UtteranceWriter::UtteranceWriter(ipc::Output& mic, ipc::Output& hearing, ipc::Word& number,
                                 ipc::Word& open_number)
    : mic_(mic), hearing_(hearing), number_(number), open_number_(open_number) {}

void UtteranceWriter::resume(std::uint32_t newest, Nanos now) {
  if (const auto open = static_cast<std::uint32_t>(open_number_.load()); open != 0) {
    // What was said so far is worth recognising; stt knows the times of its audio better than we do now.
    utterance_ = open;
    begun_ = true;
    end(wire::MicEnd{0, 0, now, 1, 0});
    heard(wire::Heard::kEnded, now, now, 0);
  }
  utterance_ = std::max({utterance_, newest, static_cast<std::uint32_t>(number_.load())});
}

void UtteranceWriter::begin(std::uint64_t first_sample, std::uint32_t pre_roll_samples, Nanos speech_start,
                            Nanos at) {
  begun_ = false;
  missing_ = 0;
  ++utterance_;
  number_.store(utterance_);
  if (!flush()) return;
  open_number_.store(utterance_);  // before the frame: a needless end is harmless, a missing one is not
  const wire::MicStart head{first_sample, speech_start, pre_roll_samples, 0};
  begun_ = wire::send(mic_, head, {}, {.turn = utterance_, .made_ns = at}) == PublishResult::kOk;
  if (!begun_) open_number_.store(0);
}

void UtteranceWriter::audio(std::span<const std::int16_t> samples, const wire::MicAudio& head, Nanos at) {
  if (!begun_) return;
  wire::MicAudio marked = head;
  marked.missing_samples += missing_;
  const PublishResult result =
      wire::send(mic_, marked, wire::as_bytes(samples), {.turn = utterance_, .made_ns = at});
  missing_ =
      result == PublishResult::kOk ? 0 : marked.missing_samples + static_cast<std::uint32_t>(samples.size());
}

void UtteranceWriter::pause(Nanos speech_end) {
  if (!begun_) return;
  // Only a hint: without it, decoding starts at the end.
  (void)wire::send(mic_, wire::MicPause{speech_end}, {}, {.turn = utterance_});
}

void UtteranceWriter::end(const wire::MicEnd& mark) {
  if (!begun_) return;
  begun_ = false;
  pending_end_ = PendingEnd{mark, utterance_};
  (void)flush();
}

bool UtteranceWriter::flush() {
  if (!pending_end_) return true;
  if (wire::send(mic_, pending_end_->mark, {}, {.turn = pending_end_->utterance}) != PublishResult::kOk)
    return false;
  pending_end_.reset();
  open_number_.store(0);
  return true;
}

void UtteranceWriter::heard(wire::Heard what, Nanos at, Nanos decided, double level_db) {
  const wire::Hearing head{what, static_cast<float>(level_db), at, decided};
  const std::uint16_t flags = resync_ ? ipc::kFlagResync : std::uint16_t{0};
  resync_ = wire::send(hearing_, head, {}, {.turn = utterance_, .made_ns = at, .flags = flags}) !=
            PublishResult::kOk;
}

bool UtteranceWriter::end_of_stream() {
  if (!flush() && !mic_.consumer_closed()) return false;
  const auto send_to = [](ipc::Output& output) {
    return wire::send(output, wire::EndOfStream{}, {}, {}) == PublishResult::kOk || output.consumer_closed();
  };
  mic_ended_ = mic_ended_ || send_to(mic_);
  hearing_ended_ = hearing_ended_ || send_to(hearing_);
  return mic_ended_ && hearing_ended_;
}

}  // namespace prot::capture
