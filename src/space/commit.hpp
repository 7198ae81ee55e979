// Overcommit: whether the machine promises more memory than it has (vm.overcommit_memory).
//
// What counts is private writable areas and shared memory that is not made with MAP_NORESERVE, by
// size, touched or not: Core::committed_pages is the sum of the former, ObjectTable::promised() of
// the latter. Source: __vm_enough_memory(), mm/util.c.
#pragma once

#include "space/address_space.hpp"

namespace pw {

// What may be promised in all where nothing is overcommitted (vm_commit_limit()): a share of RAM,
// and swap.
PageCount commit_limit(const Core& core);

// What is promised (vm_committed_as).
PageCount committed(const Core& core);

// Whether `pages` more may be promised to the program of `space`. Never: as long as less than the
// limit is promised then, what is kept for administrators and for other programs taken off.
bool may_commit(const AddressSpace& space, PageCount pages);

}  // namespace pw
