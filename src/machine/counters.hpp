// The machine's counters live in base, since every room counts.
#pragma once

#include "base/counters.hpp"
