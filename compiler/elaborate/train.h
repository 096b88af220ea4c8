/* The settings that a train block may have. */
#ifndef TRAIN_H
#define TRAIN_H

#include "base/diag.h"

bool train_has_setting(const char *name);
void train_offer_settings(Nearest *nearest);

#endif
