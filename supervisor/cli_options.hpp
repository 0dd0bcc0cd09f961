#pragma once

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}

namespace prot::supervisor {

struct CliRequest;

/// Builds the parser over `request`: every option of every command is named here, and nowhere else. Both
/// must live as long as the parser is used.
void describe_cli(CLI::App& app, CliRequest& request);

}  // namespace prot::supervisor
