#include "cli.hpp"

int main(int argc, char** argv) { return prot::supervisor::run_cli(argc, argv); }
