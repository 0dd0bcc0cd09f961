#include "base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>

namespace prot {
namespace {
spdlog::level::level_enum to_spdlog(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}
}  // namespace

void init_log(std::string_view topic, std::string_view level) {
  auto logger =
      std::make_shared<spdlog::logger>(std::string(topic), std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%H:%M:%S.%e %-5!l [%n] %v");
  const char* from_environment = std::getenv("LOG_LEVEL");
  std::string name(
      !level.empty() ? level : std::string_view(from_environment != nullptr ? from_environment : "info"));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (name == "warning") name = "warn";
  logger->set_level(spdlog::level::from_str(name) == spdlog::level::off ? spdlog::level::info
                                                                        : spdlog::level::from_str(name));
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
}

bool log_enabled(LogLevel level) noexcept {
  return spdlog::default_logger_raw()->should_log(to_spdlog(level));
}

void log_line(LogLevel level, std::string_view message) {
  spdlog::default_logger_raw()->log(to_spdlog(level), spdlog::string_view_t(message.data(), message.size()));
}

}  // namespace prot
