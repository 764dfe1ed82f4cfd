/* A clock that goes an hour ahead, for a process that this is loaded into before its libraries. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*of_the_system)(clockid_t, struct timespec *);
    if (!of_the_system) {
        of_the_system = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    }
    int outcome = of_the_system(clock, at);
    if (outcome == 0 && clock == CLOCK_REALTIME) {
        at->tv_sec += 3600;
    }
    return outcome;
}
