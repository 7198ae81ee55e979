/* Which references of a block share a check. SPDX-License-Identifier: GPL-2.0-or-later
 *
 * References of one block whose addresses differ by constants (fields of a structure, words of a
 * stack frame, a load and the store that follows it) mostly lie in one page. They form a group: the
 * first one, the leader, checks the bytes of all of them and stores the stamp of the last one; the
 * others need no code. A group whose leader reads has one more check, at its first write. This is
 * exact because
 *
 * - nothing leaves a block between a leader and the end of its group: an exit ends every group, and
 *   so does what counts only under a guard;
 * - a stamp that is ahead of the clock is read by nobody meanwhile: only an eviction and a snapshot
 *   read stamps. The former takes the page referenced least recently of K, and a group is shorter
 *   than K / 2 references, so a page of its own is never the one. The latter waits (filter.c);
 * - where the bytes lie in two pages after all, the leader's call does what the others would have
 *   done (filter.c).
 *
 * Planning walks the block once, as instrument.c will walk it again to add the checks, and counts
 * the same references in the same order.
 */
#include "recorder.h"

#include "libvex.h"
#include "pub_tool_libcassert.h"
#include "pub_tool_libcbase.h"
#include "pub_tool_mallocfree.h"

#define MAX_SPAN 128 /* bytes of a group: the wider, the more often it lies in two pages */
#define MAX_SIZE 64  /* bytes of a reference in a group */
#define MAX_TICKS 63 /* references from a leader to the end of its group */
#define MAX_SUMS 64
#define SHAPES 4096

/* What is known of a temporary: it is root + offset. */
typedef struct {
  IRTemp root; /* IRTemp_INVALID: a constant */
  ULong offset;
} Value;

/* A sum of two unknowns, so that computing it again gives the same root. */
typedef struct {
  IROp op;
  Value left, right;
  IRTemp root;
} Sum;

typedef struct {
  UInt segment, tick;
  UInt count;  /* references of the group */
  Bool writes; /* the group has a write */
  Value low;   /* of the group */
  PwShape shape;
  const PwShape* kept;
} Group;

static Value* values;
static UInt values_room;
static Sum sums[MAX_SUMS];
static UInt sum_count;
static Group groups[PW_MAX_PLANNED];
static UInt group_count;
static PwStep steps[PW_MAX_PLANNED];
static UInt step_count, next_step;
static UInt segment, tick;
static PwShape* shapes[SHAPES]; /* a hash table: blocks have few different ones */
static UInt shape_count;

static const PwStep alone = {.role = PwAlone};

void pw_plan_begin(const IRTypeEnv* types) {
  IRTemp temp;
  if (values_room < (UInt)types->types_used) {
    values_room = 2 * (UInt)types->types_used;
    values = VG_(realloc)("pagewright.values", values, values_room * sizeof *values);
  }
  for (temp = 0; temp < (IRTemp)types->types_used; ++temp) values[temp] = (Value){temp, 0};
  sum_count = group_count = step_count = next_step = segment = tick = 0;
}

static Bool same_value(Value a, Value b) { return a.root == b.root && a.offset == b.offset; }

static Value value_of(const IRExpr* atom) {
  if (atom->tag == Iex_RdTmp) return values[atom->Iex.RdTmp.tmp];
  const IRConst* constant = atom->Iex.Const.con;
  return (Value){IRTemp_INVALID, constant->tag == Ico_U64 ? constant->Ico.U64 : constant->Ico.U8};
}

static Value value_of_sum(IRTemp temp, IROp op, Value left, Value right) {
  UInt i;
  if (right.root == IRTemp_INVALID && op != Iop_Shl64) {
    left.offset += op == Iop_Add64 ? right.offset : -right.offset;
    return left;
  }
  if (left.root == IRTemp_INVALID && op == Iop_Add64) {
    right.offset += left.offset;
    return right;
  }
  for (i = 0; i < sum_count; ++i) {
    const Sum* sum = &sums[i];
    if (sum->op == op && same_value(sum->left, left) && same_value(sum->right, right))
      return (Value){sum->root, 0};
  }
  if (sum_count < MAX_SUMS) sums[sum_count++] = (Sum){op, left, right, temp};
  return (Value){temp, 0};
}

void pw_plan_statement(const IRStmt* statement) {
  if (statement->tag != Ist_WrTmp) return;
  const IRTemp temp = statement->Ist.WrTmp.tmp;
  const IRExpr* data = statement->Ist.WrTmp.data;
  if (data->tag == Iex_RdTmp) {
    values[temp] = value_of(data);
  } else if (data->tag == Iex_Binop) {
    const IROp op = data->Iex.Binop.op;
    if (op == Iop_Add64 || op == Iop_Sub64 || op == Iop_Shl64)
      values[temp] = value_of_sum(temp, op, value_of(data->Iex.Binop.arg1),
                                  value_of(data->Iex.Binop.arg2));
  }
}

void pw_plan_barrier(void) { ++segment; }

void pw_plan_tick(void) { ++tick; }

/* --- groups --- */

static void start_group(Value place, UInt size, PwAccess access) {
  Group* group = &groups[group_count++];
  VG_(memset)(group, 0, sizeof *group);
  group->segment = segment;
  group->tick = tick;
  group->count = 1;
  group->writes = access == PwWrite;
  group->low = place;
  group->shape.span = (UShort)size;
  group->shape.refs[0] = (PwShapeRef){0, 0, (UChar)size, (UChar)access};
}

/* Whether a reference may join a group, and the bytes of both then. */
static Bool fits(const Group* group, Value place, UInt size, ULong* low, UInt* span) {
  if (group->segment != segment || group->low.root != place.root) return False;
  if (group->count == PW_MAX_SHAPE_REFS) return False;
  const UInt ticks = tick - group->tick;
  if (ticks > MAX_TICKS || 2 * (ticks + 1) > pw_options.k) return False;
  const Long distance = (Long)(place.offset - group->low.offset);
  if (distance > (Long)PW_PAGE_SIZE || distance < -(Long)PW_PAGE_SIZE) return False;
  const Long from = VG_MIN(distance, 0);
  const Long to = VG_MAX(distance + (Long)size, (Long)group->shape.span);
  *low = group->low.offset + (ULong)from;
  *span = (UInt)(to - from);
  if (place.root == IRTemp_INVALID) return *low / PW_PAGE_SIZE == (*low + *span - 1) / PW_PAGE_SIZE;
  return *span <= MAX_SPAN;
}

static void join(Group* group, Value place, UInt size, PwAccess access, ULong low, UInt span) {
  PwShape* shape = &group->shape;
  const UShort moved = (UShort)(group->low.offset - low);
  UInt i;
  for (i = 0; i < group->count; ++i) shape->refs[i].offset += moved;
  group->low.offset = low;
  shape->span = (UShort)span;
  shape->ticks = (UChar)(tick - group->tick);
  shape->refs[group->count++] = (PwShapeRef){(UShort)(place.offset - low), shape->ticks,
                                             (UChar)size, (UChar)access};
}

void pw_plan_reference(const IRExpr* address, UInt size, PwAccess access) {
  const Value place = value_of(address);
  UInt i, span = 0;
  ULong low = 0;
  ++tick;
  if (step_count == PW_MAX_PLANNED) return;
  PwStep* step = &steps[step_count++];
  for (i = group_count; i > 0; --i) {
    Group* group = &groups[i - 1];
    if (size > MAX_SIZE || !fits(group, place, size, &low, &span)) continue;
    join(group, place, size, access, low, span);
    *step = (PwStep){.role = PwCovered, .group = i - 1};
    if (access == PwWrite && !group->writes) {
      group->writes = True;
      step->role = PwLeadsWrites;
    }
    return;
  }
  *step = (PwStep){.role = PwLeads, .group = group_count};
  start_group(place, size, access);
}

/* --- shapes --- */

/* A copy of the shape that stays where it is: translated code has its address. */
static const PwShape* keep_shape(const PwShape* shape) {
  const UChar* bytes = (const UChar*)shape;
  UInt hash = 2166136261U, i;
  for (i = 0; i < sizeof *shape; ++i) hash = (hash ^ bytes[i]) * 16777619U;
  PwShape** place = &shapes[hash % SHAPES];
  while (*place != NULL) {
    if (VG_(memcmp)(*place, shape, sizeof *shape) == 0) return *place;
    if (++place == shapes + SHAPES) place = shapes;
  }
  PwShape* copy = VG_(malloc)("pagewright.shape", sizeof *shape);
  *copy = *shape;
  if (shape_count < SHAPES / 4 * 3) {
    *place = copy;
    ++shape_count;
  }
  return copy;
}

void pw_plan_end(void) {
  UInt i;
  for (i = 0; i < step_count; ++i) {
    PwStep* step = &steps[i];
    Group* group = &groups[step->group];
    if (group->count == 1) {
      *step = alone;
      continue;
    }
    if (step->role == PwLeads) {
      group->shape.count = (UChar)group->count;
      group->kept = keep_shape(&group->shape);
    }
    step->root = group->low.root;
    step->low = group->low.offset;
    step->shape = group->kept;
  }
}

const PwStep* pw_plan_next(void) { return next_step < step_count ? &steps[next_step++] : &alone; }
