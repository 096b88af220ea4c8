/* Rules about the train block that need no tables of what its values may be. */
#include "elaborate/rules.h"

#include "elaborate/train.h"

#include <string.h>

static void unknown_key(Check *check, Name name)
{
    Nearest nearest = nearest_start(name.text);
    train_offer_settings(&nearest);
    diag_error(check->diag, name.span, "'%s' is no setting of train%s", name.text,
               nearest_hint(check->arena, &nearest));
}

static void once(Check *check, const Bindings *settings)
{
    Map *seen = map_new(check->arena);
    for (int i = 0; i < settings->n; i++) {
        Name name = settings->data[i].name;
        if (!map_add(seen, name.text, i))
            diag_error(check->diag, name.span, "'%s' is set already", name.text);
    }
}

static void check_group(Check *check, const GroupBlock *group)
{
    if (strcmp(group->keyword.text, "group") != 0)
        diag_error(check->diag, group->keyword.span, "expected 'group', found '%s'",
                   group->keyword.text);
    once(check, &group->settings);
}

/* Settings are known and set once. */
void rule_train(Check *check)
{
    for (int i = 0; i < check->ast->trains.n; i++) {
        const TrainBlock *train = &check->ast->trains.data[i];
        once(check, &train->settings);
        for (int k = 0; k < train->settings.n; k++)
            if (!train_has_setting(train->settings.data[k].name.text))
                unknown_key(check, train->settings.data[k].name);
        for (int k = 0; k < train->groups.n; k++)
            check_group(check, &train->groups.data[k]);
    }
}
