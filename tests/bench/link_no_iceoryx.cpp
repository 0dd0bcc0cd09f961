#include "base/error.hpp"
#include "transport.hpp"

// What takes the place of link_iceoryx.cpp where iceoryx is not installed.
namespace prot::bench {

std::unique_ptr<Transport> make_iceoryx(const Setup& setup) {
  (void)setup;
  throw Error("built without iceoryx");
}
bool start_iceoryx() { return false; }
void stop_iceoryx() noexcept {}

}  // namespace prot::bench
