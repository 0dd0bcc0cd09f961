#include "transport.hpp"

namespace prot::bench {

const std::vector<TransportInfo>& transports() {
  static const std::vector<TransportInfo> known = [] {
    //   name           spin   sleep  calls  maker
    std::vector<TransportInfo> all = {
        {"ring", true, true, false, make_ring, "prot's ring, all checks and counters on"},
        {"slot", true, false, false, make_slot, "one fixed buffer handed over, nothing checked: the floor"},
        {"boost_spsc", true, false, false, make_boost_spsc, "boost::lockfree::spsc_queue in shared memory"},
        {"boost_mq", false, true, true, make_boost_mq, "boost::interprocess::message_queue"},
        {"pipe", false, true, true, make_pipe, "pipe, blocking"},
        {"unix_stream", false, true, true, make_unix_stream, "Unix stream sockets, blocking"},
        {"unix_seqpacket", false, true, true, make_unix_seqpacket, "Unix packet sockets, blocking"},
        {"eventfd", false, true, true, make_eventfd,
         "a ring of fixed places and an eventfd written for every frame"},
    };
    if (start_iceoryx())
      all.push_back({"iceoryx", true, true, true, make_iceoryx, "iceoryx 2.0.3, copies in and out"});
    return all;
  }();
  return known;
}

}  // namespace prot::bench
