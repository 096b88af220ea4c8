/* C identifiers made of tensors' and modules' names: `layer[3].attn.qkv` becomes layer_3_attn_qkv.
 */
#ifndef NAMES_H
#define NAMES_H

#include "base/base.h"

typedef struct Names Names;

/* A scope: no identifier is given twice, and none is a keyword. */
Names *names_new(Arena *arena);
/* A new identifier like `text`; `_2`, `_3` ... is appended where it is taken. */
const char *names_new_one(Names *names, const char *text);
/* `text` with what C does not allow in an identifier replaced; may be a keyword. */
char *names_identifier(Arena *arena, const char *text);

#endif
