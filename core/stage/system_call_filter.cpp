// Which system calls a stage may not make. A list of refusals: libraries may use whatever else they like. Of
// sockets it is a list of families: of others a new kernel may have more, and one may be another one's door.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "stage/sandbox.hpp"

namespace prot::stage::detail {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;  // not known: no filter
#endif
constexpr std::uint32_t kOtherAbi = 0x40000000;  // x32: other numbers for the same calls

// Other processes, file systems, the kernel, its keys and the clock: nothing a stage has to do with.
constexpr long kRefused[] = {
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_pidfd_getfd,
    SYS_process_madvise,
    SYS_perf_event_open,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_move_mount,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_open_tree,
    SYS_mount_setattr,
    SYS_unshare,
    SYS_setns,
    SYS_kexec_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_bpf,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_swapon,
    SYS_swapoff,
    SYS_reboot,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_acct,
    SYS_quotactl,
    SYS_userfaultfd,
    SYS_open_by_handle_at,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_adjtimex,
    SYS_clock_adjtime,
    SYS_syslog,
    SYS_vhangup,
    SYS_personality,
    SYS_io_uring_setup,
#if defined(__x86_64__)
    SYS_kexec_file_load,
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
#endif
};

// A namespace of one's own gives all capabilities within it, and with them much of the kernel to try.
constexpr std::uint32_t kNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
sock_filter answer(std::uint32_t what) { return BPF_STMT(BPF_RET | BPF_K, what); }
/// Goes `yes` or `no` instructions on from the next one.
sock_filter compare(std::uint16_t how, std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
  return BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | how | BPF_K), value, yes, no);
}

std::vector<sock_filter> make_filter(bool network) {
  const std::uint32_t refuse = SECCOMP_RET_ERRNO | EPERM;
  std::vector<sock_filter> code = {
      load(offsetof(seccomp_data, arch)), compare(BPF_JEQ, kArchitecture, 1, 0), answer(refuse),
      load(offsetof(seccomp_data, nr)),   compare(BPF_JGE, kOtherAbi, 0, 1),     answer(refuse)};
  for (const long number : kRefused) {
    code.push_back(compare(BPF_JEQ, static_cast<std::uint32_t>(number), 0, 1));
    code.push_back(answer(refuse));
  }
  const std::size_t first = offsetof(seccomp_data, args);  // an int in each of these: its low half counts
  // clone3() keeps its flags in memory, where no filter looks; without it the C library uses clone().
  code.insert(code.end(), {compare(BPF_JEQ, SYS_clone3, 0, 1), answer(SECCOMP_RET_ERRNO | ENOSYS),
                           compare(BPF_JEQ, SYS_clone, 0, 4), load(first),
                           compare(BPF_JSET, kNamespaces, 0, 1), answer(refuse), answer(SECCOMP_RET_ALLOW)});
  // Netlink tells the resolver which addresses this machine has.
  std::vector<std::uint32_t> families = {AF_UNIX};
  if (network) families.insert(families.end(), {AF_INET, AF_INET6, AF_NETLINK});
  code.push_back(compare(BPF_JEQ, SYS_socket, 1, 0));
  code.push_back(compare(BPF_JEQ, SYS_socketpair, 0, static_cast<std::uint8_t>(2 + 2 * families.size())));
  code.push_back(load(first));
  for (const std::uint32_t family : families) {
    code.push_back(compare(BPF_JEQ, family, 0, 1));
    code.push_back(answer(SECCOMP_RET_ALLOW));
  }
  code.push_back(answer(SECCOMP_RET_ERRNO | EAFNOSUPPORT));
  code.push_back(answer(SECCOMP_RET_ALLOW));
  return code;
}

}  // namespace

std::string filter_system_calls(bool network) {
  if (kArchitecture == 0) return "seccomp=no(unknown machine)";
  std::vector<sock_filter> code = make_filter(network);
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
    return std::string("seccomp=no(") + std::strerror(errno) + ")";
  return network ? "seccomp=on" : "seccomp=no-network";
}

}  // namespace prot::stage::detail
