/* The structures of the telescope's scheduler, as a C compiler lays them out, and its file of fields.

     scheduler layout               each member: structure, name, offset, size
     scheduler save FILE N TIME...  write N fields and the six numbers of the time over the file, as the scheduler does
     scheduler show FILE            each member of each field, one a line
*/

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum selection { NOT_SELECTED, FIRST_DO_NOW_FLAT };

typedef struct {
    int status, doable;
    enum selection selection_code;
    int field_number, line_number;
    char script_line[1024];
    double ra, dec, gal_long, gal_lat, ecl_long, ecl_lat, epoch;
    int shutter;
    double expt, interval;
    int n_required, survey_code;
    double ut_rise, ut_set, jd_rise, jd_set, jd_next;
    int n_done;
    double time_up, time_required, time_left;
    double ut[100], jd[100], lst[100], ha[100], am[100], actual_expt[100];
    char filename[16 * 100];
} Field;

typedef struct {
    bool ready, error;
    int error_code;
    char state[1024], comment[1024], date[1024];
    double read_time;
    int state_val[19];
} Camera_Status;

typedef struct {
    char keyword[256], value[256];
} Fits_Word;

typedef struct {
    int num_words;
    Fits_Word words[100];
} Fits_Header;

#define EACH_INT(do) \
    do(status) do(doable) do(selection_code) do(field_number) do(line_number) do(shutter) do(n_required) do(survey_code) do(n_done)
#define EACH_DOUBLE(do) \
    do(ra) do(dec) do(gal_long) do(gal_lat) do(ecl_long) do(ecl_lat) do(epoch) do(expt) do(interval) do(ut_rise) do(ut_set) \
    do(jd_rise) do(jd_set) do(jd_next) do(time_up) do(time_required) do(time_left)
#define EACH_OBSERVED(do) do(ut) do(jd) do(lst) do(ha) do(am) do(actual_expt)

#define PLACE(structure, name) \
    printf("%s %s %zu %zu\n", #structure, #name, offsetof(structure, name), sizeof(((structure *)0)->name));
#define PLACE_IN_FIELD(name) PLACE(Field, name)

static void layout(void)
{
    EACH_INT(PLACE_IN_FIELD) EACH_DOUBLE(PLACE_IN_FIELD) EACH_OBSERVED(PLACE_IN_FIELD)
    PLACE(Field, script_line) PLACE(Field, filename)
    PLACE(Camera_Status, ready) PLACE(Camera_Status, error) PLACE(Camera_Status, error_code) PLACE(Camera_Status, state)
    PLACE(Camera_Status, comment) PLACE(Camera_Status, date) PLACE(Camera_Status, read_time) PLACE(Camera_Status, state_val)
    PLACE(Fits_Word, keyword) PLACE(Fits_Word, value) PLACE(Fits_Header, num_words) PLACE(Fits_Header, words)
    printf("Field - 0 %zu\nCamera_Status - 0 %zu\n", sizeof(Field), sizeof(Camera_Status));
    printf("Fits_Word - 0 %zu\nFits_Header - 0 %zu\n", sizeof(Fits_Word), sizeof(Fits_Header));
}

/* Each member has a value of its own: its place in the lists above, plus the number of the field. */
static void fill(Field *field, int number)
{
    int member = 0;
    /* The scheduler's memory is not cleared either. */
    memset(field, 0xA5, sizeof *field);
#define SET(name) field->name = ++member + number;
    EACH_INT(SET) EACH_DOUBLE(SET)
    field->n_done = number % 3;
    snprintf(field->script_line, sizeof field->script_line, "%d %d Y 60 1800 3 1 # field %d\n", number, -number, number);
    for (int done = 0; done < field->n_done; done++) {
        char name[1024];
#define OBSERVE(name) field->name[done] = ++member + number + 0.5;
        EACH_OBSERVED(OBSERVE)
        snprintf(name, sizeof name, "202601010300%02ds", done);
        strncpy(field->filename + 16 * done, name, 16);
    }
}

static int save(const char *path, int count, char **time)
{
    FILE *file = fopen(path, "r+");
    if (file == NULL) file = fopen(path, "w");
    if (file == NULL) return 1;
    fprintf(file, "%d %s %s %s %s %s %s\n", count, time[0], time[1], time[2], time[3], time[4], time[5]);
    for (int number = 0; number < count; number++) {
        Field field;
        fill(&field, number);
        if (fwrite(&field, sizeof field, 1, file) != 1) return 1;
    }
    return fclose(file);
}

static int show(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[1024];
    int count, time[6];
    if (file == NULL || fgets(line, sizeof line, file) == NULL) return 1;
    if (sscanf(line, "%d %d %d %d %d %d %d", &count, time, time + 1, time + 2, time + 3, time + 4, time + 5) != 7) return 1;
    printf("time %d %d %d %d %d %d\n", time[0], time[1], time[2], time[3], time[4], time[5]);
    for (int number = 0; number < count; number++) {
        Field field;
        if (fread(&field, sizeof field, 1, file) != 1) return 1;
#define SHOW_INT(name) printf("%d %s %d\n", number, #name, (int)field.name);
#define SHOW_DOUBLE(name) printf("%d %s %.17g\n", number, #name, field.name);
        EACH_INT(SHOW_INT) EACH_DOUBLE(SHOW_DOUBLE)
        printf("%d script_line %s\n", number, field.script_line);
        for (int done = 0; done < field.n_done; done++) {
#define SHOW_OBSERVED(name) printf("%d %s[%d] %.17g\n", number, #name, done, field.name[done]);
            EACH_OBSERVED(SHOW_OBSERVED)
            printf("%d filename[%d] %s\n", number, done, field.filename + 16 * done);
        }
    }
    return fclose(file);
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "layout") == 0) return layout(), 0;
    if (count == 10 && strcmp(arguments[1], "save") == 0) return save(arguments[2], atoi(arguments[3]), arguments + 4);
    if (count == 3 && strcmp(arguments[1], "show") == 0) return show(arguments[2]);
    return 2;
}
