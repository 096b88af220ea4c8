/* Ctrl-C in a long search: the first asks for the best found so far, the second ends the process.
 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <signal.h>

/* Set by SIGINT and SIGTERM while they are caught. */
extern volatile sig_atomic_t interrupted;

/* Clears `interrupted` and catches both signals, each once, until interrupt_release. */
void interrupt_catch(void);
void interrupt_release(void);

/* Seconds since some moment, for progress and for what a command reports of itself. */
double interrupt_clock(void);

#endif
