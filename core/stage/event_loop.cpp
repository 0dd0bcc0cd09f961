#include "stage/event_loop.hpp"

#include <fcntl.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <map>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace prot::stage {

namespace asio = boost::asio;

struct EventLoop::Impl {
  struct Watch : std::enable_shared_from_this<Watch> {
    Watch(asio::io_context& context, int fd, asio::posix::descriptor_base::wait_type wait_type,
          std::function<void()> on_ready)
        : descriptor(context), type(wait_type), callback(std::move(on_ready)) {
      // A duplicate: Asio closes what it owns, and epoll takes one descriptor only once.
      UniqueFd own(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
      if (!own) throw errno_error("cannot watch a descriptor");
      boost::system::error_code error;
      descriptor.assign(own.get(), error);  // the system may have no more watches for us
      if (error) throw Error("cannot watch a descriptor: " + error.message());
      (void)own.release();
    }
    void arm() {
      descriptor.async_wait(type, [self = shared_from_this()](const boost::system::error_code& error) {
        if (error || !self->active) return;
        self->callback();
        if (self->active) self->arm();
      });
    }
    asio::posix::stream_descriptor descriptor;
    asio::posix::descriptor_base::wait_type type;
    std::function<void()> callback;
    bool active = true;
  };

  WatchId add(int fd, asio::posix::descriptor_base::wait_type type, std::function<void()> callback) {
    auto watch = std::make_shared<Watch>(context, fd, type, std::move(callback));
    watch->arm();
    watches.emplace(++last_id, std::move(watch));
    return last_id;
  }

  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  std::map<WatchId, std::shared_ptr<Watch>> watches;
  WatchId last_id = 0;
};

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}

EventLoop::~EventLoop() {
  while (!impl_->watches.empty()) unwatch(impl_->watches.begin()->first);
}

EventLoop::WatchId EventLoop::watch_readable(int fd, std::function<void()> callback) {
  return impl_->add(fd, asio::posix::descriptor_base::wait_read, std::move(callback));
}

EventLoop::WatchId EventLoop::watch_writable(int fd, std::function<void()> callback) {
  return impl_->add(fd, asio::posix::descriptor_base::wait_write, std::move(callback));
}

void EventLoop::unwatch(WatchId id) {
  const auto it = impl_->watches.find(id);
  if (it == impl_->watches.end()) return;
  it->second->active = false;
  it->second->descriptor.close();
  impl_->watches.erase(it);
}

bool EventLoop::wait(Nanos until) {
  if (until == kNever) return impl_->context.run_one() > 0;
  const auto deadline = std::chrono::steady_clock::time_point(std::chrono::nanoseconds(until));
  // A deadline that has passed is no reason to look at no descriptor.
  return impl_->context.run_one_until(deadline) > 0 || poll();
}

bool EventLoop::poll() {
  // Bounded: a callback that leaves its descriptor ready must not keep the loop here for ever.
  constexpr int kMostCallbacks = 32;
  int ran = 0;
  while (ran < kMostCallbacks && impl_->context.poll_one() > 0) ++ran;
  return ran > 0;
}

}  // namespace prot::stage
