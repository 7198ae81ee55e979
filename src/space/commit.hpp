// Overcommit: whether the machine promises more memory than it has (vm.overcommit_memory).
//
// What counts is private writable areas, by size, touched or not; Core::committed_pages is their
// sum. Source: __vm_enough_memory(), mm/util.c.
#pragma once

#include "space/core.hpp"

namespace pw {

// Whether `pages` more may be promised to a program that has `mapped_pages`.
bool may_commit(const Core& core, PageCount pages, std::uint64_t mapped_pages);

}  // namespace pw
