/* What a plan is reported from, and the forms it is reported in. Each form is one file. */
#ifndef REPORT_H
#define REPORT_H

#include "graph/graph.h"
#include "plan/search.h"

/* A compiled model: what the stages made of it, with its proof. */
typedef struct {
    const Diag *diag;   /* of the model's file: lines for spans */
    const char *name;   /* its stem: what emitted files are called */
    const char *target; /* cpu or cuda */
    const char *device;
    bool has_budget;
    size_t budget_bytes;
    const Graph *graph; /* TRAINING: tensor i is value i, node i is node i of the problem */
    const Problem *problem;
    const Solution *solution; /* with its proof; plan, timeline and layout are its own */
    const Plan *plan;
    const Timeline *timeline;
    const Layout *layout;
} Compiled;

/* "bert.net:41", "" where the span is nowhere. */
const char *report_source(Arena *arena, const Compiled *compiled, Span span);

typedef void ReportWrite(Text *out, const Compiled *compiled);

/* `schema: rematc-plan/1`. */
ReportWrite report_json;
/* One screen: totals, where the peak is and what is live there, modules folded, the schedule. */
ReportWrite report_text;
/* Memory over the steps, as a picture. */
ReportWrite report_svg;
/* A single page with the picture and the tables, which needs no network. */
ReportWrite report_html;
/* Chrome trace events: the steps on a time axis and live bytes as a counter. */
ReportWrite report_perfetto;

/* The form that --format names, or NULL. */
ReportWrite *report_form(const char *name);
/* "text, json, html, svg or perfetto" */
extern const char report_form_names[];

/* A table of plans, one a line: --compare and --pareto. */
typedef struct {
    const char *label; /* the strategy asked for, or the number of the budget */
    const Compiled *compiled;
} TableRow;

typedef void TableWrite(Text *out, const TableRow *rows, int n_rows);

/* The form of a table that --format names (text or json), or NULL. */
TableWrite *report_table_form(const char *name);

/* What is live at the peak, largest first, a line each. */
void report_live(Text *out, const Compiled *compiled);
/* `-d layout`: a line `first last offset bytes alias name` for each life. */
void report_layout(Text *out, const Compiled *compiled);

/* Why a tensor is kept, recomputed or freed; false where no tensor has that name. */
bool report_why(Text *out, const Compiled *compiled, const char *tensor);

/* --- what the forms are made from (facts.c) --- */

typedef enum { DECISION_KEEP, DECISION_RECOMPUTE, DECISION_FREE } Decision;
const char *decision_name(Decision decision);

/* Modules as the plan treats them; neighbours of equal type and equal treatment are folded. */
typedef struct {
    const char *path; /* of the first */
    int count;
    const char *decision;     /* recompute, keep, mixed */
    size_t kept_bytes;        /* values of one instance that stay from forward to backward */
    double recompute_seconds; /* of one instance */
} ModuleRow;

typedef struct {
    size_t class_bytes[N_CLASSES]; /* the most that the class holds at one time */
    int *runs;                     /* by value: how often it is written */
    Decision *decisions;           /* by life */
    const char **phases;           /* by step: forward, recompute, backward, update */
    double flops[N_PHASES];        /* one run of each node */
    ModuleRow *modules;
    int n_modules;
} Facts;

Facts report_facts(Arena *arena, const Compiled *compiled);

#endif
