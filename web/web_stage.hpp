#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "chat_rooms.hpp"
#include "event_feed.hpp"
#include "heap_pages.hpp"
#include "http/server.hpp"
#include "observer.hpp"
#include "operator_desk.hpp"
#include "playhead.hpp"
#include "stage/context.hpp"
#include "stage/stage.hpp"

namespace prot::web {

/// The HTTP interface. Watches from outside, like prot-top, and has no ring: whatever becomes of it, the
/// conversation does not notice. One thread (the loop's); the sockets belong to the server's. An address that
/// is taken is tried again: nobody waits for this stage.
class WebStage final : public stage::Stage {
 public:
  explicit WebStage(stage::StageContext& context);
  ~WebStage() override { stop(); }

  void start() override;
  int do_work(Nanos now) override;
  [[nodiscard]] Nanos next_deadline(Nanos now) const override;
  [[nodiscard]] bool finished() const override { return false; }
  void stop() noexcept override;

 private:
  static constexpr Nanos kListenAgain = 2 * kSecond;
  static constexpr Nanos kLookEvery = kSecond;  // so that rates are of seconds

  /// An address to listen on.
  struct Door {
    std::string name;
    std::function<UniqueFd()> open;  // throws Error
    bool shut = true;                // and to be tried
    std::string complaint = {};      // why, as it was said
  };

  void listen(Nanos now);
  void handle(const http::ServerEvent& event, Nanos now);
  void answer(const http::ServerEvent& request, Nanos now);
  [[nodiscard]] http::ServerResponse page(const http::ServerEvent& request);
  [[nodiscard]] const Report& report();
  void answer_memory(const http::ServerEvent& request);

  stage::StageContext& context_;
  Observer observer_;
  std::unique_ptr<http::Server> server_;
  ChatRooms rooms_;
  EventFeed feed_;
  OperatorDesk desk_;
  Playhead playhead_;
  std::unique_ptr<HeapPages> heap_pages_;  // made when somebody asks
  std::vector<Door> doors_;
  Nanos listen_at_ = 0;  // kNever: everything that is wanted listens
  Nanos look_at_ = 0;
};

}  // namespace prot::web
