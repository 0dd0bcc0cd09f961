#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/unique_fd.hpp"
#include "loops.hpp"

namespace prot::bench {
namespace {

void write_all(int fd, const std::byte* from, std::size_t bytes) {
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t n = ::write(fd, from + done, bytes - done);
    if (n < 0 && errno != EINTR) throw errno_error("write");
    if (n > 0) done += static_cast<std::size_t>(n);
  }
}

void read_all(int fd, std::byte* to, std::size_t bytes) {
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t n = ::read(fd, to + done, bytes - done);
    if (n == 0) throw Error("the other end is closed");
    if (n < 0 && errno != EINTR) throw errno_error("read");
    if (n > 0) done += static_cast<std::size_t>(n);
  }
}

/// Two pipes, blocking; as large as the ring if the system allows it, else as it makes them.
class PipeDuplex {
 public:
  explicit PipeDuplex(const Setup& setup) : bytes_(setup.bytes) {
    for (unsigned i = 0; i < 2; ++i) {
      int fds[2];
      if (::pipe2(fds, O_CLOEXEC) != 0) throw errno_error("cannot make a pipe");
      readers_[i] = UniqueFd(fds[0]);
      writers_[i] = UniqueFd(fds[1]);
      (void)::fcntl(fds[1], F_SETPIPE_SZ, static_cast<int>(kBuffer));
    }
  }
  void open(unsigned end) {
    out_ = writers_[end].get();
    in_ = readers_[1 - end].get();
  }
  void send(const std::byte* frame) { write_all(out_, frame, bytes_); }
  void receive(std::byte* frame) { read_all(in_, frame, bytes_); }
  void fill(Side& side) const noexcept { side.late_wakes = 0; }

 private:
  std::size_t bytes_;
  UniqueFd readers_[2];
  UniqueFd writers_[2];
  int out_ = -1;
  int in_ = -1;
};

/// A pair of Unix sockets, blocking.
template <int kType>
class UnixDuplex {
 public:
  explicit UnixDuplex(const Setup& setup) : bytes_(setup.bytes) {
    int fds[2];
    if (::socketpair(AF_UNIX, kType | SOCK_CLOEXEC, 0, fds) != 0) throw errno_error("cannot make sockets");
    for (unsigned i = 0; i < 2; ++i) {
      fds_[i] = UniqueFd(fds[i]);
      const auto buffer = static_cast<int>(kBuffer);
      (void)::setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    }
  }
  void open(unsigned end) { fd_ = fds_[end].get(); }
  void send(const std::byte* frame) { write_all(fd_, frame, bytes_); }
  void receive(std::byte* frame) { read_all(fd_, frame, bytes_); }
  void fill(Side& side) const noexcept { side.late_wakes = 0; }

 private:
  std::size_t bytes_;
  UniqueFd fds_[2];
  int fd_ = -1;
};

}  // namespace

std::unique_ptr<Transport> make_pipe(const Setup& setup) {
  return std::make_unique<Loops<PipeDuplex>>(setup);
}
std::unique_ptr<Transport> make_unix_stream(const Setup& setup) {
  return std::make_unique<Loops<UnixDuplex<SOCK_STREAM>>>(setup);
}
std::unique_ptr<Transport> make_unix_seqpacket(const Setup& setup) {
  return std::make_unique<Loops<UnixDuplex<SOCK_SEQPACKET>>>(setup);
}

}  // namespace prot::bench
