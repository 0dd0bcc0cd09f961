// A debugger on one program (prot debug).
#include "control_desk.hpp"

namespace prot::supervisor {

void control_debug(ControlDesk& desk, const Client& client, const json::View& request) {
  Program& program = free_program_of(desk, request);
  if (request.get("launch").as_bool())
    desk.leases().launch(client, program, request.get("wait").as_bool());
  else
    desk.leases().attach(client, program);
}

void control_release(ControlDesk& desk, const Client& client, const json::View& request) {
  static_cast<void>(request);
  desk.leases().give_back(client);
}

}  // namespace prot::supervisor
