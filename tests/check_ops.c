/* The operator table: what is derived from the rows, and shape rules on right and wrong operands.
 */
#include "graph/ops.h"
#include "graph/shape.h"

#include <check.h>
#include <string.h>

Suite *ops_suite(void);

static Arena *arena;

static void set_up(void)
{
    arena = arena_new();
}

static void tear_down(void)
{
    arena_free(arena);
}

START_TEST(signatures_are_read)
{
    const Operator *row = op_row(OP_linear);
    ck_assert_int_eq(row->n_params, 5);
    ck_assert_str_eq(row->params[2].name, "weight");
    ck_assert_int_eq(row->params[2].type, PARAM_TENSOR);
    ck_assert(row->params[2].optional && !row->params[0].optional);
    ck_assert_int_eq(row->params[3].type, PARAM_TENSOR_OR_BOOL);
    ck_assert_str_eq(row->params[3].default_value, "true");
    ck_assert(op_row(OP_concat)->params[0].variadic);
    static OpParam params[MAX_PARAMS]; /* what signature_parse gives is never freed */
    ck_assert_int_eq(signature_parse("f(lr: float, betas: pair = (0.9, 0.999), x?)", params), 3);
    ck_assert_str_eq(params[1].default_value, "(0.9, 0.999)");
    ck_assert(params[2].optional);
}
END_TEST

START_TEST(expressions_name_their_operands)
{
    ck_assert_uint_eq(op_row(OP_relu)->names[PART_BY_A], NAMES_Y | NAMES_G);
    ck_assert_uint_eq(op_row(OP_div)->names[PART_BY_B], NAMES_Y | NAMES_G | NAMES_B);
    ck_assert_uint_eq(op_row(OP_dropout)->names[PART_VALUE], NAMES_U | NAMES_P | NAMES_A);
    ck_assert_uint_eq(op_row(OP_gelu)->names[PART_VALUE], NAMES_A);
    ck_assert_int_eq(op_row(OP_sub)->arity, 2);
    ck_assert_int_eq(op_row(OP_exp)->arity, 1);
}
END_TEST

START_TEST(the_user_finds_operators_but_not_kernels)
{
    ck_assert_int_eq(op_find("softmax"), OP_softmax);
    ck_assert_int_eq(op_find("where"), -1);
    ck_assert_int_eq(op_find("fused"), -1);
    ck_assert_int_eq(op_find("matmul"), OP_matmul);
}
END_TEST

START_TEST(shapes_broadcast_from_the_last_axis)
{
    Shape a = {3, {2, 1, 5}}, b = {2, {4, 1}}, c = {1, {3}}, r;
    ck_assert(shape_broadcast(&a, &b, &r));
    ck_assert_str_eq(shape_text(arena, &r), "[2, 4, 5]");
    ck_assert_int_eq(shape_count(&r), 40);
    ck_assert(!shape_broadcast(&a, &c, &r));
}
END_TEST

Suite *ops_suite(void)
{
    Suite *suite = suite_create("ops");
    TCase *table = tcase_create("table");
    tcase_add_checked_fixture(table, set_up, tear_down);
    tcase_add_test(table, signatures_are_read);
    tcase_add_test(table, expressions_name_their_operands);
    tcase_add_test(table, the_user_finds_operators_but_not_kernels);
    tcase_add_test(table, shapes_broadcast_from_the_last_axis);
    suite_add_tcase(suite, table);
    return suite;
}
