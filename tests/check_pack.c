/* rematc pack as its users see it: what it reads and refuses, with the place of each fault, what it
 * prints and writes, and sizes with suffixes. */
#include "base/size.h"
#include "place/instance.h"
#include "support/command.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *pack_suite(void);

static Arena *arena;

static void set_up(void)
{
    arena = arena_new();
}

static void tear_down(void)
{
    arena_free(arena);
}

/* A file in the scratch folder, with n bytes of text. */
static const char *file_with(const char *name, const char *text, size_t n)
{
    const char *path = arena_printf(arena, "%s/%s", scratch_folder(), name);
    FILE *out = fopen(path, "wb");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(text, 1, n, out), n);
    ck_assert_int_eq(fclose(out), 0);
    return path;
}

static const CommandResult *pack(const char *arguments)
{
    return run_shell("%s pack %s", rematc_path(), arguments);
}

/* --- sizes ---------------------------------------------------------------------------------------
 */

static const struct {
    const char *text;
    size_t bytes; /* SIZE_MAX: not a size */
} sizes[] = {
    {"0", 0},
    {"1048576", 1048576},
    {"6GiB", (size_t)6 << 30},
    {"6 GiB", (size_t)6 << 30},
    {"1Mi", 1 << 20},
    {"1M", 1000000},
    {"3k", 3000},
    {"3K", 3000},
    {"512kb", 512000},
    {"1.5Gi", (size_t)3 << 29},
    {"0.5KiB", 512},
    {"1.5", SIZE_MAX},
    {"0.3Ki", SIZE_MAX},
    {"", SIZE_MAX},
    {"GiB", SIZE_MAX},
    {"-1", SIZE_MAX},
    {"1e6", SIZE_MAX},
    {"12 34", SIZE_MAX},
    {"1GiBB", SIZE_MAX},
    {"0x10", SIZE_MAX},
    {"99999999999999999999", SIZE_MAX},
    {"99999999999 Ti", SIZE_MAX},
};

START_TEST(sizes_are_read_exactly_or_refused)
{
    size_t bytes = SIZE_MAX;
    bool is_size = size_parse(sizes[_i].text, &bytes);
    ck_assert_msg(is_size == (sizes[_i].bytes != SIZE_MAX), "'%s'", sizes[_i].text);
    if (is_size)
        ck_assert_uint_eq(bytes, sizes[_i].bytes);
}
END_TEST

START_TEST(sizes_are_written_in_binary_units)
{
    ck_assert_str_eq(size_format(arena, 0), "0 B");
    ck_assert_str_eq(size_format(arena, 1023), "1023 B");
    ck_assert_str_eq(size_format(arena, 1024), "1.0 KiB");
    ck_assert_str_eq(size_format(arena, 95839846), "91.4 MiB");
    ck_assert_str_eq(size_format(arena, (size_t)6 << 30), "6.0 GiB");
}
END_TEST

/* --- reading -------------------------------------------------------------------------------------
 */

static const struct {
    const char *text, *error; /* the error behind the file's name */
} faulty[] = {
    {"", ":1:1: error: no buffers: expected lines of id,lower,upper,size"},
    {"id,lower,upper,size\n", ":2:1: error: no buffers"},
    {"id,lower,upper\n0,1,2\n", ":1:15: error: the column 'size' is missing"},
    {"id,lower,upper,size,color\n0,1,2,3,4\n", ":1:21: error: there is no column 'color'"},
    {"id,lower,lower,size\n", ":1:10: error: the column 'lower' is there twice"},
    {"a,0,1\n", ":1:6: error: expected 4 fields, found 3"},
    {"a,0,1,5\nb,0,", ":2:5: error: expected 4 fields, found 3"},
    {"a,0,1,5,6\n", ":1:9: error: expected 4 fields, found more"},
    {"a,0,1,-5\n", ":1:7: error: the size is negative: -5"},
    {"a,3,1,5\n", ":1:5: error: the lifetime ends before it begins: lower 3, upper 1"},
    {"a,x,1,5\n", ":1:3: error: expected the lower as an integer of 64 bits, not 'x'"},
    {"a,0,1,5.5\n", ":1:7: error: expected the size as an integer"},
    {"a,0,1,\n", ":1:7: error: expected the size as an integer of 64 bits, not ''"},
    {"a,0,1,9223372036854775808\n", ":1:7: error: expected the size as an integer"},
    {"a,-9223372036854775808,9223372036854775807,1\n", ":1:24: error: the lifetime does not fit"},
    {"a,0,1,4611686018427387903\nb,2,3,1\n", ":2:7: error: the sizes up to here add up to"},
    {"a,0,1,5\nb,0,1,5\na,0,1,5\n", ":3:1: error: the id 'a' is on line 1 already"},
    {",0,1,5\n", ":1:1: error: expected an id, not ''"},
    {"\x80\xff\x01,0,1\n", ":1:8: error: expected 4 fields, found 3"},
};

START_TEST(a_fault_is_reported_with_its_place)
{
    const char *path = file_with("faulty.csv", faulty[_i].text, strlen(faulty[_i].text));
    const CommandResult *result = pack(path);
    ck_assert_int_eq(result->status, 1);
    ck_assert_str_eq(result->out, "");
    const char *wanted = arena_printf(arena, "%s%s", path, faulty[_i].error);
    ck_assert_msg(strncmp(result->err, wanted, strlen(wanted)) == 0, "wanted %s\ngot    %s", wanted,
                  result->err);
}
END_TEST

START_TEST(all_faults_are_reported_not_only_the_first)
{
    const char *text = "a,0,1,-1\nb,0,1,2\nc,5,1,2\n";
    const CommandResult *result = pack(file_with("two.csv", text, strlen(text)));
    ck_assert_ptr_nonnull(strstr(result->err, ":1:7: error"));
    ck_assert_ptr_nonnull(strstr(result->err, ":3:5: error"));
}
END_TEST

START_TEST(columns_may_come_in_another_order_with_blanks_and_carriage_returns)
{
    const char *text = "size, id ,upper,lower\r\n4,x, 3 ,0\r\n\r\n2,y,9,-3\r\n";
    Instance instance;
    Text errors = text_new(arena);
    const char *path = file_with("order.csv", text, strlen(text));
    ck_assert_msg(instance_read(arena, path, &instance, &errors), "%s", errors.data);
    ck_assert_int_eq(instance.n, 2);
    ck_assert_str_eq(instance.ids[0], "x");
    ck_assert_int_eq(instance.buffers[0].upper, 3);
    ck_assert_int_eq(instance.buffers[1].lower, -3);
    ck_assert_uint_eq(instance.buffers[1].size, 2);
}
END_TEST

START_TEST(gzip_is_read_and_a_cut_one_refused)
{
    Text text = text_new(arena);
    for (int i = 0; i < 3000; i++)
        text_printf(&text, "b%d,%d,%d,%d\n", i, i, i + 1 + i % 7, 1 + i * i % 97);
    const char *plain = file_with("long.csv", text.data, text.n);
    ck_assert_int_eq(run_shell("gzip -c %s > %s.gz && head -c 2000 %s.gz > %s.cut.gz", plain, plain,
                               plain, plain)
                         ->status,
                     0);
    ck_assert_int_eq(pack(arena_printf(arena, "%s.gz -o %s.offsets", plain, plain))->status, 0);
    ck_assert_int_eq(run_shell("test $(wc -l < %s.offsets) = 3001", plain)->status, 0);
    const CommandResult *result = pack(arena_printf(arena, "%s.cut.gz", plain));
    ck_assert_int_eq(result->status, 1);
    ck_assert_ptr_nonnull(strstr(result->err, "truncated"));
}
END_TEST

START_TEST(what_cannot_be_read_is_an_input_error)
{
    ck_assert_int_eq(pack(arena_printf(arena, "%s/absent.csv", scratch_folder()))->status, 1);
    ck_assert_int_eq(pack(scratch_folder())->status, 1);
}
END_TEST

/* --- the command ---------------------------------------------------------------------------------
 */

/* Three buffers; the middle one is alive with both others: the bound is 7, and can be met. */
static const char three[] = "id,lower,upper,size\na,0,2,3\nb,1,4,4\nc,3,5,3\n";

START_TEST(the_result_is_json_and_the_offsets_csv)
{
    const char *path = file_with("three.csv", three, strlen(three));
    const CommandResult *result = pack(arena_printf(arena, "- -o %s.out < %s", path, path));
    ck_assert_int_eq(result->status, 0);
    ck_assert_str_eq(result->err, "");
    ck_assert_double_eq(last_number(result->out, "lower_bound"), 7);
    ck_assert_double_eq(last_number(result->out, "arena"), 7);
    ck_assert_ptr_nonnull(strstr(result->out, "\"optimal\": true"));
    size_t n;
    char *offsets = read_whole_file(arena_printf(arena, "%s.out", path), &n);
    ck_assert_ptr_nonnull(offsets);
    const char *either[] = {"id,lower,upper,size,offset\na,0,2,3,0\nb,1,4,4,3\nc,3,5,3,0\n",
                            "id,lower,upper,size,offset\na,0,2,3,4\nb,1,4,4,0\nc,3,5,3,4\n"};
    ck_assert(strcmp(offsets, either[0]) == 0 || strcmp(offsets, either[1]) == 0);
    free(offsets);
}
END_TEST

START_TEST(a_capacity_below_the_bound_is_refused_and_says_so)
{
    const char *path = file_with("three.csv", three, strlen(three));
    const CommandResult *result = pack(arena_printf(arena, "%s --capacity 6", path));
    ck_assert_int_eq(result->status, 1);
    ck_assert_str_eq(result->out, "");
    ck_assert_ptr_nonnull(strstr(result->err, "7 bytes are alive at one time"));
}
END_TEST

/* The bound is 4 and out of reach, as the oracle of check_place.c says too. */
START_TEST(a_capacity_that_search_refutes_is_refused_and_says_so)
{
    const char *text = "0,3,4,1\n1,1,3,2\n2,2,5,1\n3,5,7,2\n4,3,6,1\n5,2,6,1\n6,6,7,2\n7,0,2,2\n"
                       "8,0,1,1\n9,0,1,1\n10,4,5,1\n";
    const char *path = file_with("refuted.csv", text, strlen(text));
    const CommandResult *result = pack(path);
    ck_assert_int_eq(result->status, 0);
    ck_assert_double_eq(last_number(result->out, "lower_bound"), 4);
    ck_assert_double_eq(last_number(result->out, "arena"), 5);
    ck_assert_ptr_nonnull(strstr(result->out, "\"optimal\": true"));
    result = pack(arena_printf(arena, "%s --capacity 4", path));
    ck_assert_int_eq(result->status, 1);
    ck_assert_ptr_nonnull(strstr(result->err, "proved"));
}
END_TEST

static const char *const wrong_lines[] = {
    "",
    "--capacity",
    "x.csv --capacity ten",
    "x.csv --capacity 0",
    "x.csv y.csv",
    "--wrong",
    "x.csv --seed -1",
    "x.csv --seed 1x",
    "x.csv -o -",
    "x.csv -o",
    "x.csv --plan-seconds soon",
    "x.csv --plan-seconds nan",
};

START_TEST(a_wrong_command_line_exits_2)
{
    const CommandResult *result = pack(wrong_lines[_i]);
    ck_assert_int_eq(result->status, 2);
    ck_assert_str_eq(result->out, "");
    ck_assert_ptr_nonnull(strstr(result->err, "error: "));
}
END_TEST

START_TEST(an_output_that_cannot_be_written_leaves_nothing)
{
    const char *path = file_with("three.csv", three, strlen(three));
    ck_assert_int_eq(pack(arena_printf(arena, "%s -o %s/no/such/folder", path, path))->status, 3);
    ck_assert_int_eq(pack(arena_printf(arena, "%s -o /dev/full", path))->status, 3);
    ck_assert_int_eq(pack(arena_printf(arena, "%s > /dev/full", path))->status, 3);
    ck_assert_int_eq(run_shell("ls %s/*.tmp", scratch_folder())->status != 0, 1);
}
END_TEST

START_TEST(help_goes_to_standard_output)
{
    const CommandResult *result = pack("--help");
    ck_assert_int_eq(result->status, 0);
    ck_assert_ptr_nonnull(strstr(result->out, "--capacity"));
    ck_assert_str_eq(result->err, "");
}
END_TEST

#define N(table) ((int)(sizeof(table) / sizeof((table)[0])))

Suite *pack_suite(void)
{
    Suite *suite = suite_create("pack");
    TCase *tcase = tcase_create("pack");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, sizes_are_read_exactly_or_refused, 0, N(sizes));
    tcase_add_test(tcase, sizes_are_written_in_binary_units);
    tcase_add_loop_test(tcase, a_fault_is_reported_with_its_place, 0, N(faulty));
    tcase_add_test(tcase, all_faults_are_reported_not_only_the_first);
    tcase_add_test(tcase, columns_may_come_in_another_order_with_blanks_and_carriage_returns);
    tcase_add_test(tcase, gzip_is_read_and_a_cut_one_refused);
    tcase_add_test(tcase, what_cannot_be_read_is_an_input_error);
    tcase_add_test(tcase, the_result_is_json_and_the_offsets_csv);
    tcase_add_test(tcase, a_capacity_below_the_bound_is_refused_and_says_so);
    tcase_add_test(tcase, a_capacity_that_search_refutes_is_refused_and_says_so);
    tcase_add_loop_test(tcase, a_wrong_command_line_exits_2, 0, N(wrong_lines));
    tcase_add_test(tcase, an_output_that_cannot_be_written_leaves_nothing);
    tcase_add_test(tcase, help_goes_to_standard_output);
    suite_add_tcase(suite, tcase);
    return suite;
}
