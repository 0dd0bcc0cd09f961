#include "top_program.hpp"

int main(int argc, char** argv) { return prot::top::run_top(argc, argv); }
