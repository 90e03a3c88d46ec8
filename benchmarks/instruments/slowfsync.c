/* slowfsync.c - a disk that takes its time: every fsync and fdatasync waits first.
 *
 *   cc -O2 -shared -fPIC -o slowfsync.so slowfsync.c -ldl
 *   SLOW_US=5000 LD_PRELOAD=./slowfsync.so program
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void wait_a_while(void)
{
    const char *text = getenv("SLOW_US");
    long us = text ? atol(text) : 5000;
    struct timespec t = { us / 1000000, us % 1000000 * 1000 };
    nanosleep(&t, NULL);
}

#define SLOW(name)                                        \
    int name(int fd)                                      \
    {                                                     \
        static int (*real)(int);                          \
        if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, #name); \
        wait_a_while();                                   \
        return real(fd);                                  \
    }

SLOW(fsync)
SLOW(fdatasync)
