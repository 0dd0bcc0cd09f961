#include "capture_bench.hpp"

#include <cstring>

#include "wire/speech_out.hpp"

namespace prot::capture {

std::string Bench::mic() {
  std::string out;
  int windows = 0;
  const auto flush_audio = [&] {
    if (windows > 0) out += " audio:" + std::to_string(windows);
    windows = 0;
  };
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  while (run.from("mic").peek(info, payload) == ipc::TakeResult::kFrame) {
    std::span<const std::byte> tail;
    wire::MicAudio head{};
    wire::MicPause pause{};
    wire::EndOfStream last{};
    const std::string number = std::to_string(info.turn);
    if (wire::decode(info, payload, head, tail)) {
      ++windows;
      audio.push_back(head);
      std::int16_t mark = 0;
      std::memcpy(&mark, tail.data() + 2, 2);
      marks.push_back(mark);
      times.push_back(info.made_ns);
    } else {
      flush_audio();
      if (wire::decode(info, payload, start, tail)) out += " start" + number;
      if (wire::decode(info, payload, pause, tail)) out += " pause" + number;
      if (wire::decode(info, payload, end, tail)) out += (end.confirmed != 0 ? " end" : " discard") + number;
      if (wire::decode(info, payload, last, tail)) out += " eos";
    }
    run.from("mic").release();
  }
  flush_audio();
  return out.empty() ? out : out.substr(1);
}

std::string Bench::hearing() {
  constexpr const char* kNames[] = {"", "started", "confirmed", "paused", "ended", "discarded"};
  std::string out;
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  while (run.from("hearing").peek(info, payload) == ipc::TakeResult::kFrame) {
    std::span<const std::byte> tail;
    wire::Hearing head{};
    const bool is_mark = wire::decode(info, payload, head, tail);
    out += is_mark ? std::string(" ") + kNames[static_cast<int>(head.what)] + std::to_string(info.turn)
                   : std::string(" eos");
    run.from("hearing").release();
  }
  return out.empty() ? out : out.substr(1);
}

}  // namespace prot::capture
