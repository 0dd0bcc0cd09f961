#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/popo/wait_set.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#include <optional>

#include "base/unique_fd.hpp"
#include "loops.hpp"

namespace prot::bench {
namespace {

int daemon_pid = -1;

/// iceoryx 2.0.3 as its product: a publisher and a subscriber for each direction, chunks on loan, the
/// blocking policies at both ends. Copies in and out like the others, although it need not.
class IceoryxDuplex {
 public:
  explicit IceoryxDuplex(const Setup& setup) : setup_(setup) {
    static int rounds = 0;
    name_ = fmt::format("{}-{}", ::getpid(), ++rounds);
  }

  void open(unsigned end) {
    iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kOff,
                                                             iox::log::LogLevelOutput::kHideLogLevel);
    iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(
        iox::cxx::TruncateToCapacity, fmt::format("prot-bench-{}-{}", name_, end).c_str()));
    iox::popo::PublisherOptions publisher;
    publisher.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
    publisher_.emplace(service(end), publisher);
    iox::popo::SubscriberOptions subscriber;
    subscriber.queueCapacity = std::min<std::uint64_t>(256, kBuffer / setup_.bytes);
    subscriber.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
    subscriber_.emplace(service(1 - end), subscriber);
    if (setup_.mode == Mode::kSleep) {
      wait_set_.emplace();
      if (wait_set_->attachState(*subscriber_, iox::popo::SubscriberState::HAS_DATA).has_error())
        throw Error("iceoryx: cannot wait for a subscriber");
    }
    while (!publisher_->hasSubscribers() ||
           subscriber_->getSubscriptionState() != iox::SubscribeState::SUBSCRIBED)
      sleep_until(monotonic_now() + kMillisecond);
  }

  void send(const std::byte* frame) noexcept {
    for (;;) {
      auto chunk = publisher_->loan(static_cast<std::uint32_t>(setup_.bytes));
      if (!chunk.has_error()) {
        std::memcpy(chunk.value(), frame, setup_.bytes);
        publisher_->publish(chunk.value());
        return;
      }
      pause(setup_.patience);
    }
  }

  void receive(std::byte* frame) noexcept {
    for (;;) {
      auto chunk = subscriber_->take();
      if (!chunk.has_error()) {
        std::memcpy(frame, chunk.value(), setup_.bytes);
        subscriber_->release(chunk.value());
        return;
      }
      if (wait_set_)
        (void)wait_set_->wait();
      else
        pause(setup_.patience);
    }
  }

  void fill(Side& side) const noexcept { side.late_wakes = 0; }

 private:
  [[nodiscard]] iox::capro::ServiceDescription service(unsigned direction) const {
    const auto text = [](const std::string& s) {
      return iox::capro::IdString_t(iox::cxx::TruncateToCapacity, s.c_str(), s.size());
    };
    return {text("prot-bench"), text(name_), text(direction == 0 ? "there" : "back")};
  }

  Setup setup_;
  std::string name_;
  std::optional<iox::popo::UntypedPublisher> publisher_;
  std::optional<iox::popo::UntypedSubscriber> subscriber_;
  std::optional<iox::popo::WaitSet<>> wait_set_;
};

/// Chunks that fit the sizes, a few more than the queues hold.
std::string write_config() {
  char path[] = "/tmp/prot-bench-XXXXXX";
  const UniqueFd fd(::mkstemp(path));
  if (!fd) throw errno_error("cannot write a configuration for iceoryx");
  std::ofstream file(path);
  file << "[general]\nversion = 1\n\n[[segment]]\n";
  for (const int size : {256, 1280, 2176, 16640, 65792})
    file << "\n[[segment.mempool]]\nsize = " << size << "\ncount = 600\n";
  return path;
}

// True when it says that it is ready; it ends by itself when another one runs.
bool await_ready(int fd) {
  std::string said;
  const Nanos deadline = monotonic_now() + 20 * kSecond;
  while (monotonic_now() < deadline) {
    pollfd p{fd, POLLIN, 0};
    if (::poll(&p, 1, 1000) <= 0) continue;
    char buffer[512];
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n <= 0) return false;
    said.append(buffer, static_cast<std::size_t>(n));
    if (said.find("ready for clients") != std::string::npos) return true;
  }
  return false;
}

}  // namespace

std::unique_ptr<Transport> make_iceoryx(const Setup& setup) {
  return std::make_unique<Loops<IceoryxDuplex>>(setup);
}

bool start_iceoryx() {
  const std::string config = write_config();
  int fds[2];
  if (::pipe(fds) != 0) throw errno_error("cannot make a pipe");
  const int parent = ::getpid();
  daemon_pid = ::fork();
  if (daemon_pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(1);
    (void)::setpgid(0, 0);
    ::dup2(fds[1], STDOUT_FILENO);
    ::dup2(fds[1], STDERR_FILENO);
    ::close(fds[0]);
    ::close(fds[1]);
    ::execlp("iox-roudi", "iox-roudi", "--config-file", config.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(fds[1]);
  static UniqueFd reader;  // open as long as the daemon may say something
  reader = UniqueFd(fds[0]);
  const bool ready = daemon_pid > 0 && await_ready(fds[0]);
  ::unlink(config.c_str());
  if (!ready) stop_iceoryx();
  return ready;
}

void stop_iceoryx() noexcept {
  if (daemon_pid <= 0) return;
  ::kill(daemon_pid, SIGTERM);
  ::waitpid(daemon_pid, nullptr, 0);
  daemon_pid = -1;
  // The ends were stopped by a signal: their sockets and locks are left. No other prot measures with iceoryx
  // at the same time, there is one daemon for a machine.
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/tmp", error))
    if (entry.path().filename().string().starts_with("prot-bench-"))
      std::filesystem::remove(entry.path(), error);
}

}  // namespace prot::bench
