/* Adds the reference checks to translated code. SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a load or store costs when its page is in the filter: find the place in pw_table by the
 * page number, compare the tag there with the page number of the LAST byte, store the clock as the
 * stamp. The place was found by the first byte and neighbouring pages have different places, so a
 * reference that straddles never compares equal, and the common ones need no check of their own.
 * Everything else is a call under a guard that nearly never holds.
 *
 * The clock is read again for each reference because such a call may have advanced it.
 *
 * Valgrind stores the program counter before each instruction that touches memory, for handlers of
 * faults and for stack traces. Here the calls that may take a stack trace are told it instead, and
 * those stores are left out (a twelfth of all time) until the program installs a handler for a
 * fault.
 */
#include "recorder.h"

#include "libvex.h"
#include "pub_tool_libcassert.h"
#include "pub_tool_libcbase.h"
#include "pub_tool_machine.h"

#define MAX_REFERENCE_BYTES 4096 /* so that it lies in two pages at most */
#define MAX_GROUPS PW_MAX_PLANNED

typedef struct {
  IRSB* out;
  const VexGuestLayout* layout;
  Addr entry;      /* the program counter when the block is entered */
  UInt pending;    /* references since pw_clock was last brought up to date */
  UInt ahead;      /* the highest of them that a stamp has been stored for */
  ULong code_page; /* page of the last instruction, PW_NO_PAGE at the start */
  Addr instruction;
  Bool planning; /* nothing is added yet: plan.c is told what the references will be */
  struct {
    IRExpr *low, *offset, *page; /* what its leader's check has computed */
  } groups[MAX_GROUPS];
} Block;

Bool pw_faults_are_handled;

static IRExpr* constant(ULong value) { return IRExpr_Const(IRConst_U64(value)); }

static IRExpr* bind(Block* block, IRType type, IRExpr* value) {
  const IRTemp temp = newIRTemp(block->out->tyenv, type);
  addStmtToIRSB(block->out, IRStmt_WrTmp(temp, value));
  return IRExpr_RdTmp(temp);
}

static IRExpr* binop(Block* block, IROp op, IRExpr* left, IRExpr* right) {
  return bind(block, op == Iop_CmpNE64 ? Ity_I1 : Ity_I64, IRExpr_Binop(op, left, right));
}

static IRExpr* shift_right(Block* block, IRExpr* value, UInt bits) {
  return binop(block, Iop_Shr64, value, IRExpr_Const(IRConst_U8((UChar)bits)));
}

static IRExpr* load(Block* block, IRExpr* address) {
  return bind(block, Ity_I64, IRExpr_Load(Iend_LE, Ity_I64, address));
}

static void store(Block* block, IRExpr* address, IRExpr* value) {
  addStmtToIRSB(block->out, IRStmt_Store(Iend_LE, address, value));
}

static IRExpr* clock_plus(Block* block, IRExpr* more) {
  IRExpr* clock = bind(block, Ity_I64, IRExpr_Get(pw_clock_offset(block->layout), Ity_I64));
  return binop(block, Iop_Add64, clock, more);
}

static void set_clock(Block* block, IRExpr* value) {
  addStmtToIRSB(block->out, IRStmt_Put(pw_clock_offset(block->layout), value));
}

/* Brings the clock up to date, as it must be wherever the block can be left. */
static void settle_clock(Block* block) {
  if (block->planning) pw_plan_barrier();
  if (block->planning || block->pending == 0) return;
  set_clock(block, clock_plus(block, constant(block->pending)));
  block->pending = block->ahead = 0;
}

/* Stores the clock of the reference `number` since the clock was brought up to date. The page may
   be that of a group, found by another register, whose stamp is ahead: it must not go back. */
static void store_stamp(Block* block, IRExpr* address, IRExpr* clock, UInt number) {
  if (number >= block->ahead) {
    store(block, address, clock);
    block->ahead = number;
    return;
  }
  IRExpr* newer = bind(block, Ity_I1, IRExpr_Binop(Iop_CmpLT64U, load(block, address), clock));
  addStmtToIRSB(block->out, IRStmt_StoreG(Iend_LE, address, clock, newer));
}

static void state_read(IRDirty* dirty, Int index, Int offset, Int size) {
  dirty->fxState[index].fx = Ifx_Read;
  dirty->fxState[index].offset = (UShort)offset;
  dirty->fxState[index].size = (UShort)size;
}

/* Calls a function if `guard`. It may take a stack trace, so it says what that reads. */
static void call(Block* block, const HChar* name, void* function, IRExpr** args, IRExpr* guard) {
  const VexGuestLayout* layout = block->layout;
  Int registers = 0; /* of interest on x86 alone */
  while (registers < 3 && args[registers] != NULL) ++registers;
  IRDirty* dirty = unsafeIRDirty_0_N(registers, name, VG_(fnptr_to_fnentry)(function), args);
  if (guard != NULL) dirty->guard = guard;
  VG_(memset)(dirty->fxState, 0, sizeof dirty->fxState);
  dirty->nFxState = 3;
  state_read(dirty, 0, layout->offset_SP, layout->sizeof_SP);
  state_read(dirty, 1, layout->offset_FP, layout->sizeof_FP);
  state_read(dirty, 2, layout->offset_IP, layout->sizeof_IP);
  addStmtToIRSB(block->out, IRStmt_Dirty(dirty));
}

static void call_miss(Block* block, IRExpr* address, IRExpr* clock, UInt size, PwAccess access,
                      IRExpr* guard) {
  const PwMissFunction function = pw_miss_function(size, access);
  IRExpr* instruction = constant(block->instruction);
  if (function != NULL) {
    call(block, "pw_miss", (void*)function, mkIRExprVec_3(address, clock, instruction), guard);
  } else {
    call(block, "pw_filter_miss", (void*)pw_filter_miss,
         mkIRExprVec_4(address, clock, constant(pw_info(size, access)), instruction), guard);
  }
}

/* The pw_table entry of an address, as its byte offset in the table. */
static IRExpr* entry_offset(Block* block, IRExpr* address) {
  tl_assert(sizeof(PwEntry) == 32);
  return binop(block, Iop_And64, shift_right(block, address, PW_PAGE_SHIFT - 5),
               constant((ULong)pw_filter_mask() << 5));
}

static IRExpr* entry_field(Block* block, IRExpr* offset, SizeT field) {
  return binop(block, Iop_Add64, offset, constant((Addr)pw_table + field));
}

/* A reference of details pages and switches. `guard` (may be NULL) is the program's own. */
static void filtered_reference(Block* block, IRExpr* address, UInt size, PwAccess access,
                               IRExpr* guard) {
  const SizeT tag = access == PwWrite ? offsetof(PwEntry, write_tag) : offsetof(PwEntry, read_tag);
  IRExpr* offset = entry_offset(block, address);
  IRExpr* last = size > 1 ? binop(block, Iop_Add64, address, constant(size - 1)) : address;
  IRExpr* page = shift_right(block, last, PW_PAGE_SHIFT);
  IRExpr* miss = binop(block, Iop_CmpNE64, page, load(block, entry_field(block, offset, tag)));
  if (guard != NULL) {
    IRExpr* both = binop(block, Iop_And64, bind(block, Ity_I64, IRExpr_Unop(Iop_1Uto64, guard)),
                         bind(block, Ity_I64, IRExpr_Unop(Iop_1Uto64, miss)));
    miss = bind(block, Ity_I1, IRExpr_Unop(Iop_64to1, both));
  }
  IRExpr* clock = clock_plus(block, constant(block->pending));
  call_miss(block, address, clock, size, access, miss);
  if (pw_options.detail == PW_DETAIL_SWITCHES) return; /* K = 1 needs no stamps */
  IRExpr* stamp_address = entry_field(block, offset, offsetof(PwEntry, stamp));
  if (guard != NULL)
    clock = bind(block, Ity_I64, IRExpr_ITE(guard, clock, load(block, stamp_address)));
  store_stamp(block, stamp_address, clock, block->pending);
}

/* The first bytes of a group: its leader checks them all. */
static void leader_reference(Block* block, const PwStep* step) {
  const PwShape* shape = step->shape;
  const Bool write = shape->refs[0].access == PwWrite;
  IRExpr* low = constant(step->low);
  if (step->root != IRTemp_INVALID)
    low = binop(block, Iop_Add64, IRExpr_RdTmp(step->root), constant(step->low));
  IRExpr* offset = entry_offset(block, low);
  IRExpr* last = binop(block, Iop_Add64, low, constant(shape->span - 1));
  IRExpr* page = shift_right(block, last, PW_PAGE_SHIFT);
  IRExpr* tag = entry_field(block, offset,
                            write ? offsetof(PwEntry, write_tag) : offsetof(PwEntry, read_tag));
  IRExpr* miss = binop(block, Iop_CmpNE64, page, load(block, tag));
  IRExpr* clock = clock_plus(block, constant(block->pending + shape->ticks));
  call(block, "pw_group_miss", (void*)pw_group_miss,
       mkIRExprVec_4(low, clock, constant((Addr)shape), constant(block->instruction)), miss);
  store_stamp(block, entry_field(block, offset, offsetof(PwEntry, stamp)), clock,
              block->pending + shape->ticks);
  block->groups[step->group].low = low;
  block->groups[step->group].offset = offset;
  block->groups[step->group].page = page;
}

/* The first write of a group; the stamp is there already. */
static void leading_write(Block* block, const PwStep* step) {
  IRExpr* tag = entry_field(block, block->groups[step->group].offset, offsetof(PwEntry, write_tag));
  IRExpr* miss = binop(block, Iop_CmpNE64, block->groups[step->group].page, load(block, tag));
  IRExpr* clock = clock_plus(block, constant(block->pending));
  call(block, "pw_group_write", (void*)pw_group_write,
       mkIRExprVec_3(block->groups[step->group].low, clock, constant((Addr)step->shape)), miss);
}

/* A reference that counts in any case. */
static void unguarded_reference(Block* block, IRExpr* address, UInt size, PwAccess access) {
  ++block->pending;
  const PwStep* step = pw_plan_next();
  switch (step->role) {
    case PwAlone:
      filtered_reference(block, address, size, access, NULL);
      break;
    case PwLeads:
      leader_reference(block, step);
      break;
    case PwLeadsWrites:
      leading_write(block, step);
      break;
    case PwCovered:
      break;
  }
}

static void reference(Block* block, IRExpr* address, UInt size, PwAccess access, IRExpr* guard) {
  if (size == 0) return;
  if (size > MAX_REFERENCE_BYTES) size = MAX_REFERENCE_BYTES;
  if (block->planning) {
    if (guard == NULL)
      pw_plan_reference(address, size, access);
    else
      pw_plan_barrier();
    return;
  }
  if (guard == NULL && pw_options.detail != PW_DETAIL_FULL) {
    unguarded_reference(block, address, size, access);
    return;
  }
  if (guard == NULL) {
    ++block->pending;
  } else { /* counts only if executed */
    settle_clock(block);
    set_clock(block, clock_plus(block, bind(block, Ity_I64, IRExpr_Unop(Iop_1Uto64, guard))));
  }
  if (pw_options.detail == PW_DETAIL_FULL) {
    IRExpr* clock = clock_plus(block, constant(block->pending));
    call(block, "pw_full_reference", (void*)pw_full_reference,
         mkIRExprVec_4(address, clock, constant(pw_info(size, access)),
                       constant(block->instruction)),
         guard);
  } else {
    filtered_reference(block, address, size, access, guard);
  }
}

/* Instructions are fetched from a page at this point of the block. */
static void fetch_code(Block* block, Addr address, UInt size) {
  IRExpr* page = constant(address >> PW_PAGE_SHIFT);
  if (block->planning) {
    pw_plan_tick();
    return;
  }
  if (pw_options.detail == PW_DETAIL_SWITCHES) {
    settle_clock(block);
    IRExpr* other = binop(block, Iop_CmpNE64, load(block, constant((Addr)&pw_last_code_page)),
                          page);
    call(block, "pw_code_switch", (void*)pw_code_switch,
         mkIRExprVec_2(constant(address), IRExpr_GSPTR()), other);
  } else if (pw_options.detail == PW_DETAIL_FULL) {
    reference(block, constant(address), size, PwExecute, NULL);
  } else { /* the place in the table is known now */
    PwEntry* entry = &pw_table[address >> PW_PAGE_SHIFT & pw_filter_mask()];
    IRExpr* miss = binop(block, Iop_CmpNE64, load(block, constant((Addr)&entry->read_tag)), page);
    ++block->pending;
    IRExpr* clock = clock_plus(block, constant(block->pending));
    if (block->code_page == PW_NO_PAGE && address == block->entry) {
      /* The most frequent check of all: what it needs to know is in the guest state. */
      call(block, "pw_block_miss", (void*)pw_block_miss, mkIRExprVec_0(), miss);
    } else {
      call_miss(block, constant(address), clock, 1, PwExecute, miss);
    }
    store_stamp(block, constant((Addr)&entry->stamp), clock, block->pending);
  }
}

/* How many bytes of code the block holds without a break from statement `at` (an IMark), within
   the page of its first byte. */
static UInt stretch(const IRSB* in, Int at) {
  const Addr start = in->stmts[at]->Ist.IMark.addr;
  const Addr page_end = (start | (PW_PAGE_SIZE - 1)) + 1;
  Addr end = start;
  for (; at < in->stmts_used; ++at) {
    const IRStmt* statement = in->stmts[at];
    if (statement->tag != Ist_IMark) continue;
    if (statement->Ist.IMark.addr != end || end >= page_end) break;
    end += statement->Ist.IMark.len;
  }
  return (UInt)(VG_MIN(end, page_end) - start);
}

static void instruction(Block* block, const IRSB* in, Int at) {
  const UInt length = in->stmts[at]->Ist.IMark.len;
  block->instruction = in->stmts[at]->Ist.IMark.addr;
  if (length == 0 || pw_is_valgrinds(block->instruction)) return; /* not decodable; a trampoline */
  const Addr start = pw_native_place(block->instruction);
  const ULong first = start >> PW_PAGE_SHIFT;
  const ULong last = (start + length - 1) >> PW_PAGE_SHIFT;
  if (first != block->code_page) fetch_code(block, start, stretch(in, at));
  if (last != first) {
    const Addr boundary = last << PW_PAGE_SHIFT;
    fetch_code(block, boundary, (UInt)(start + length - boundary));
  }
  block->code_page = last;
}

static void compare_and_swap(Block* block, const IRSB* in, const IRCAS* cas) {
  UInt size = (UInt)sizeofIRType(typeOfIRExpr(in->tyenv, cas->dataLo));
  if (cas->dataHi != NULL) size *= 2;
  reference(block, cas->addr, size, PwWrite, NULL);
  reference(block, cas->addr, size, PwWrite, NULL);
}

static void helper_call(Block* block, const IRDirty* dirty) {
  const UInt size = (UInt)dirty->mSize;
  IRExpr* guard = dirty->guard;
  if (guard->tag == Iex_Const) {
    if (guard->Iex.Const.con->Ico.U1 == False) return;
    guard = NULL;
  }
  if (dirty->mFx == Ifx_Read || dirty->mFx == Ifx_Modify)
    reference(block, dirty->mAddr, size, PwRead, guard);
  if (dirty->mFx == Ifx_Write || dirty->mFx == Ifx_Modify)
    reference(block, dirty->mAddr, size, PwWrite, guard);
}

static UInt guarded_load_size(const IRLoadG* details) {
  IRType result, loaded;
  typeOfIRLoadGOp(details->cvt, &result, &loaded);
  return (UInt)sizeofIRType(loaded);
}

/* Whether the instruction goes on to store where it loads from: then the processor asks for the
   right to write at once, and one fault serves both. */
static Bool loads_to_modify(const IRSB* in, Int at, IRExpr* address) {
  for (++at; at < in->stmts_used && in->stmts[at]->tag != Ist_IMark; ++at) {
    const IRStmt* statement = in->stmts[at];
    const IRExpr* to = statement->tag == Ist_Store ? statement->Ist.Store.addr
                       : statement->tag == Ist_CAS ? statement->Ist.CAS.details->addr
                                                   : NULL;
    if (to != NULL && eqIRAtom(to, address)) return True;
  }
  return False;
}

static PwAccess access_of_load(const IRSB* in, Int at, IRExpr* address) {
  return loads_to_modify(in, at, address) ? PwWrite : PwRead;
}

/* The references of one statement of the program; they come before it. */
static void statement_references(Block* block, const IRSB* in, Int at) {
  const IRStmt* statement = in->stmts[at];
  switch (statement->tag) {
    case Ist_IMark:
      instruction(block, in, at);
      break;
    case Ist_WrTmp: {
      const IRExpr* data = statement->Ist.WrTmp.data;
      if (data->tag == Iex_Load)
        reference(block, data->Iex.Load.addr, (UInt)sizeofIRType(data->Iex.Load.ty),
                  access_of_load(in, at, data->Iex.Load.addr), NULL);
      break;
    }
    case Ist_Store:
      reference(block, statement->Ist.Store.addr,
                (UInt)sizeofIRType(typeOfIRExpr(in->tyenv, statement->Ist.Store.data)), PwWrite,
                NULL);
      break;
    case Ist_LoadG: {
      const IRLoadG* details = statement->Ist.LoadG.details;
      reference(block, details->addr, guarded_load_size(details), PwRead, details->guard);
      break;
    }
    case Ist_StoreG: {
      const IRStoreG* details = statement->Ist.StoreG.details;
      reference(block, details->addr, (UInt)sizeofIRType(typeOfIRExpr(in->tyenv, details->data)),
                PwWrite, details->guard);
      break;
    }
    case Ist_CAS:
      compare_and_swap(block, in, statement->Ist.CAS.details);
      break;
    case Ist_LLSC: {
      const IRExpr* data = statement->Ist.LLSC.storedata;
      const IRType type = data != NULL ? typeOfIRExpr(in->tyenv, data)
                                       : typeOfIRTemp(in->tyenv, statement->Ist.LLSC.result);
      reference(block, statement->Ist.LLSC.addr, (UInt)sizeofIRType(type),
                data != NULL ? PwWrite : PwRead, NULL);
      break;
    }
    case Ist_Dirty:
      helper_call(block, statement->Ist.Dirty.details);
      break;
    case Ist_Exit:
      settle_clock(block);
      break;
    default:
      break;
  }
}

/* Tells plan.c what there is, by the very walk that adds the checks later. */
static void plan(Block* block, const IRSB* in, Int at) {
  pw_plan_begin(in->tyenv);
  if (pw_options.detail == PW_DETAIL_PAGES) {
    block->planning = True;
    for (; at < in->stmts_used; ++at) {
      pw_plan_statement(in->stmts[at]);
      statement_references(block, in, at);
    }
    block->planning = False;
    block->code_page = PW_NO_PAGE;
  }
  pw_plan_end();
}

/* Whether it only stores the program counter, which nothing asks for before the next one. */
static Bool is_superfluous(const Block* block, const IRStmt* statement) {
  return !pw_faults_are_handled && statement->tag == Ist_Put &&
         statement->Ist.Put.offset == block->layout->offset_IP;
}

IRSB* pw_instrument(VgCallbackClosure* closure, IRSB* in, const VexGuestLayout* layout,
                    const VexGuestExtents* extents, const VexArchInfo* host, IRType guest_word,
                    IRType host_word) {
  static Block block;
  Int at = 0;
  pw_variants_forget();
  tl_assert(guest_word == Ity_I64 && host_word == Ity_I64);
  block.out = deepCopyIRSBExceptStmts(in);
  block.layout = layout;
  block.entry = closure->nraddr;
  block.pending = block.ahead = 0;
  block.code_page = PW_NO_PAGE;
  block.instruction = block.entry;
  /* What comes before the first instruction is Valgrind's own (a check for changed code). */
  for (; at < in->stmts_used && in->stmts[at]->tag != Ist_IMark; ++at)
    addStmtToIRSB(block.out, in->stmts[at]);
  plan(&block, in, at);
  for (; at < in->stmts_used; ++at) {
    statement_references(&block, in, at);
    if (!is_superfluous(&block, in->stmts[at])) addStmtToIRSB(block.out, in->stmts[at]);
  }
  settle_clock(&block);
  return block.out;
}
