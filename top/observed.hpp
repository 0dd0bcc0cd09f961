#pragma once

#include "observe/field_text.hpp"
#include "observe/process_facts.hpp"
#include "observe/ring_probe.hpp"
#include "observe/run_model.hpp"
#include "observe/snapshot.hpp"

/// What prot-top shows: everything of core/observe, by its own names.
namespace prot::top {

using observe::CounterValue;
using observe::field_text;
using observe::is_alive;
using observe::LagWindow;
using observe::Look;
using observe::open_run;
using observe::Positions;
using observe::process_cpu;
using observe::process_facts;
using observe::ProcessFacts;
using observe::RingProbe;
using observe::RingRow;
using observe::RingSide;
using observe::RingView;
using observe::RunModel;
using observe::RunView;
using observe::SeenRecord;
using observe::Snapshot;
using observe::Source;
using observe::StageProbe;
using observe::StageRow;
using observe::supervisor_alive;

}  // namespace prot::top
