/* What a run of a program under observation is told and what it tells (ports/host/group_run.hpp):
 * one shared page, descriptor kPwLaunchFd of the launcher. The launcher owns it from its start to
 * its end; the host writes it before, reads `ended` meanwhile and the rest afterwards. */
#ifndef PW_HOST_LAUNCHER_CHANNEL_H
#define PW_HOST_LAUNCHER_CHANNEL_H

#include <stdint.h>

enum {
  kPwLaunchFd = 9, /* the channel; the group's cgroup.procs is the next, if there is a group */
  kPwLaunchGroupFd = 10,
  kPwLaunchPathBytes = 2048,
};

enum PwLaunchStage { kPwLaunchNone = 0, kPwLaunchReady = 1, kPwLaunchFailed = 2 };
enum PwLaunchStep {
  kPwStepNone = 0,
  kPwStepGroup = 1,
  kPwStepCpu = 2,
  kPwStepThp = 3,
  kPwStepExec = 4
};

struct PwUsage { /* as getrusage(2) counts */
  int64_t minor, major;
  int64_t peak_kib;
  int64_t user_us, system_us;
};

struct PwLaunchChannel {
  /* Told. */
  char path[kPwLaunchPathBytes]; /* of the program, absolute */
  int32_t enter_group;
  int32_t fixed_layout; /* ADDR_NO_RANDOMIZE */
  int32_t thp_disable;  /* 0: as the system has it; 1: PR_SET_THP_DISABLE; 3: but for advised */
  int32_t cpu;          /* to stay on; -1: any */
  int32_t keep_errors;  /* stderr is left alone; otherwise it goes where stdout goes */
  /* Telling. */
  volatile int32_t ended; /* the program has; what it left behind may still run */
  volatile int32_t stage; /* PwLaunchStage, of the program's process before execve */
  volatile int32_t step;  /* PwLaunchStep that failed */
  volatile int32_t error; /* its errno */
  int32_t status;         /* of the program, as wait4 gives it */
  int32_t pid;            /* of the program */
  int32_t left_over;      /* processes that had to be ended when the program had */
  struct PwUsage before;  /* what its process had used before execve */
  struct PwUsage whole;   /* the program with all that it waited for, and the left over */
  int64_t wall_ns;        /* from before the fork to the program's end */
};

#endif
