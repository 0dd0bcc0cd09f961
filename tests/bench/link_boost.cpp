#include <unistd.h>

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <optional>

#include "loops.hpp"

namespace prot::bench {
namespace {

namespace bip = boost::interprocess;

/// boost::lockfree::spsc_queue of frames of a fixed size, placed in shared memory as it is.
template <std::size_t kBytes>
class SpscDuplex {
 public:
  explicit SpscDuplex(const Setup& setup) : patience_(setup.patience) {}
  void open(unsigned end) {
    out_ = &*queues_[end];
    in_ = &*queues_[1 - end];
  }
  void send(const std::byte* frame) noexcept {
    while (!out_->push(*reinterpret_cast<const Element*>(frame))) pause(patience_);
  }
  void receive(std::byte* frame) noexcept {
    while (!in_->pop(*reinterpret_cast<Element*>(frame))) pause(patience_);
  }
  void fill(Side& side) const noexcept { side.late_wakes = 0; }

 private:
  struct Element {
    std::byte bytes[kBytes];
  };
  using Queue = boost::lockfree::spsc_queue<Element, boost::lockfree::capacity<kBuffer / kBytes>>;
  unsigned patience_;
  Shared<Queue> queues_[2];
  Queue* out_ = nullptr;
  Queue* in_ = nullptr;
};

template <std::size_t kBytes>
std::unique_ptr<Transport> make_spsc(const Setup& setup) {
  return std::make_unique<Loops<SpscDuplex<kBytes>>>(setup);
}

/// Boost.Interprocess' message queue: a mutex and two condition variables in shared memory.
class MqDuplex {
 public:
  explicit MqDuplex(const Setup& setup) : bytes_(setup.bytes) {
    for (unsigned i = 0; i < 2; ++i) {
      const std::string name = "prot-bench-" + std::to_string(::getpid()) + "-" + std::to_string(i);
      bip::message_queue::remove(name.c_str());
      queues_[i].emplace(bip::create_only, name.c_str(), kBuffer / setup.bytes, setup.bytes,
                         bip::permissions(0600));
      bip::message_queue::remove(name.c_str());
    }
  }
  void open(unsigned end) {
    out_ = &*queues_[end];
    in_ = &*queues_[1 - end];
  }
  void send(const std::byte* frame) { out_->send(frame, bytes_, 0); }
  void receive(std::byte* frame) {
    bip::message_queue::size_type got = 0;
    unsigned priority = 0;
    in_->receive(frame, bytes_, got, priority);
  }
  void fill(Side& side) const noexcept { side.late_wakes = 0; }

 private:
  std::size_t bytes_;
  std::optional<bip::message_queue> queues_[2];
  bip::message_queue* out_ = nullptr;
  bip::message_queue* in_ = nullptr;
};

}  // namespace

std::unique_ptr<Transport> make_boost_spsc(const Setup& setup) {
  switch (setup.bytes) {
    case 64:
      return make_spsc<64>(setup);
    case 1024:
      return make_spsc<1024>(setup);
    case 1920:
      return make_spsc<1920>(setup);
    case 16384:
      return make_spsc<16384>(setup);
    case 65536:
      return make_spsc<65536>(setup);
    default:
      throw Error("boost_spsc: its frames have a size that the compiler knows");
  }
}

std::unique_ptr<Transport> make_boost_mq(const Setup& setup) {
  return std::make_unique<Loops<MqDuplex>>(setup);
}

}  // namespace prot::bench
