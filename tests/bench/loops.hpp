#pragma once

#include <fmt/format.h>

#include "base/error.hpp"
#include "frame.hpp"
#include "transport.hpp"

namespace prot::bench {

/// The loops over a Duplex: Duplex(const Setup&); open(end) in the child that has that end, 0 left, 1 right;
/// send(const std::byte*) and receive(std::byte*) of Setup::bytes, which wait; fill(Side&) for what it
/// counts.
template <class Duplex>
class Loops final : public Transport {
 public:
  explicit Loops(const Setup& setup) : setup_(setup), duplex_(setup) {}

  void ping(Arena& arena, Counts counts) override {
    Frame out(setup_.bytes);
    Frame in(setup_.bytes);
    open(arena, 0);
    Nanos last = monotonic_now();
    for (std::uint64_t i = 0; i < counts.warm + counts.frames; ++i) {
      out.number(i);
      duplex_.send(out.data());
      duplex_.receive(in.data());
      in.expect(i);
      const Nanos now = monotonic_now();
      if (i >= counts.warm) arena.side[0].add_sample(now - last);
      last = now;
      // One that stamps its frames need not read the clock again.
      if constexpr (requires { duplex_.set_time(now); }) duplex_.set_time(now);
    }
    duplex_.fill(arena.side[0]);
  }

  void pong(Arena& arena, Counts counts) override {
    Frame frame(setup_.bytes);
    open(arena, 1);
    for (std::uint64_t i = 0; i < counts.warm + counts.frames; ++i) {
      duplex_.receive(frame.data());
      frame.expect(i);
      duplex_.send(frame.data());
    }
    duplex_.fill(arena.side[1]);
  }

  void send_all(Arena& arena, Counts counts) override {
    Frame frame(setup_.bytes);
    open(arena, 0);
    for (std::uint64_t i = 0; i < counts.warm + counts.frames; ++i) {
      if (i == counts.warm) begin_stretch(arena, 0);
      frame.number(i);
      duplex_.send(frame.data());
    }
    arena.await_finish();
    end(arena, 0, counts);
  }

  void receive_all(Arena& arena, Counts counts) override {
    Frame frame(setup_.bytes);
    open(arena, 1);
    for (std::uint64_t i = 0; i < counts.warm + counts.frames; ++i) {
      if (i == counts.warm) begin_stretch(arena, 1);
      duplex_.receive(frame.data());
      frame.expect(i);
    }
    end(arena, 1, counts);
    arena.finish();
  }

  void send_paced(Arena& arena, Counts counts, Pace pace) override {
    Frame frame(setup_.bytes);
    open(arena, 0);
    Nanos next = monotonic_now() + kMillisecond;
    for (std::uint64_t i = 0; i < counts.warm + counts.frames; ++i, next += pace.interval) {
      if (!pace.spin) sleep_until(next);
      while (monotonic_now() < next) pause();
      if (i == counts.warm) begin_stretch(arena, 0);
      if (setup_.fault == Fault::kSkipsAFrame && i == counts.frames / 2) continue;
      frame.number(i);
      frame.stamp(monotonic_now());
      duplex_.send(frame.data());
    }
    arena.await_finish();
    end(arena, 0, counts);
  }

  void receive_paced(Arena& arena, Counts counts) override {
    Side& side = arena.side[1];
    Frame frame(setup_.bytes);
    open(arena, 1);
    std::uint64_t next = 0;
    while (next < counts.warm + counts.frames) {
      duplex_.receive(frame.data());
      const Nanos now = monotonic_now();
      frame.expect(frame.number());
      if (frame.number() < next) throw Error(fmt::format("frame {} came twice", frame.number()));
      side.lost += frame.number() - next;
      next = frame.number() + 1;
      if (next == counts.warm) begin_stretch(arena, 1);
      if (next > counts.warm) side.add_sample(now - frame.stamp());
    }
    end(arena, 1, counts);
    arena.finish();
  }

  void send_late(Arena& arena, Nanos quiet) override {
    Frame frame(setup_.bytes);
    open(arena, 0);
    frame.number(0);
    sleep_until(monotonic_now() + quiet);
    duplex_.send(frame.data());
  }

  void receive_late(Arena& arena) override {
    Frame frame(setup_.bytes);
    open(arena, 1);
    begin_stretch(arena, 1);
    duplex_.receive(frame.data());
    frame.expect(0);
    end(arena, 1, {0, 1});
  }

 private:
  void open(Arena& arena, unsigned side) {
    duplex_.open(side);
    arena.meet();
  }
  void end(Arena& arena, unsigned index, Counts counts) {
    end_stretch(arena, index, counts);
    duplex_.fill(arena.side[index]);
  }

  Setup setup_;
  Duplex duplex_;
};

}  // namespace prot::bench
