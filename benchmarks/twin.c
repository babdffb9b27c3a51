/* A plain C twin of dustaug's algorithm, for comparison.

   It draws the same words, reads the same alias tables and paints the same pixels, in the usual way of C: it draws one
   Philox block for each rectangle, clips the rectangle, and calls memset (or runs a loop of stores) for each of its rows.
   The compiler may vectorise everything. Images are contiguous, uint8 or float32, NHWC or NCHW. */

#include <stdint.h>
#include <string.h>

enum { GREY, COLOR, NOISE, MEAN };
enum { MAX_CHANNELS = 16 };

/* benchmarks/twin.py fills in these fields by name, from dustaug's plan. Their order is that of twin._FIELDS. */
typedef struct {
    int64_t p_threshold, count_low, n_counts;
    int64_t rows, columns, inside;
    int64_t y_table, y_shift, x_table, x_shift;
    int64_t size_from_table, size_table, size_shift, size_unit;
    int64_t height_low, n_heights, width_low, n_widths;
    int64_t fill, fill_low, n_levels;
    int64_t height, width, channels;
    int64_t is_float, planar;
} plan_t;

typedef struct {
    uint32_t k0, k1, index_low, index_high, epoch;
} philox_key;

typedef struct {
    int64_t top, left, bottom, right;
} box_t;

/* ------------------------------------------------------------------------------------------ drawing */

static void philox(uint32_t block, const philox_key *key, uint32_t out[4])
{
    uint32_t c0 = block, c1 = key->index_low, c2 = key->index_high, c3 = key->epoch;
    uint32_t k0 = key->k0, k1 = key->k1;
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)b;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

static int64_t bounded(uint32_t word, int64_t n)
{
    return (int64_t)(((uint64_t)word * (uint64_t)n) >> 32);
}

static int64_t draw_alias(const uint32_t *tables, int64_t start, int64_t shift, uint32_t word)
{
    const uint32_t *bucket = tables + start + 4 * (int64_t)(word >> shift);
    return word < bucket[0] ? bucket[1] : bucket[2];
}

static int64_t clip(int64_t value, int64_t high)
{
    return value < 0 ? 0 : value > high ? high : value;
}

static box_t draw_box(const plan_t *plan, const uint32_t *tables, const uint32_t word[4])
{
    int64_t top, left, height, width;
    if (plan->size_from_table) {
        int64_t sides = draw_alias(tables, plan->size_table, plan->size_shift, word[2]);
        height = sides >> 16;
        width = sides & 0xFFFF;
    } else {
        uint64_t product = (uint64_t)word[2] * (uint64_t)plan->n_heights;
        height = plan->size_unit * (plan->height_low + (int64_t)(product >> 32));
        width = plan->size_unit * (plan->width_low + bounded((uint32_t)product, plan->n_widths));
    }
    if (plan->inside) {
        height = clip(height, plan->rows);
        width = clip(width, plan->columns);
        top = bounded(word[0], plan->rows - height + 1);
        left = bounded(word[1], plan->columns - width + 1);
    } else {
        top = draw_alias(tables, plan->y_table, plan->y_shift, word[0]) - height / 2;
        left = draw_alias(tables, plan->x_table, plan->x_shift, word[1]) - width / 2;
    }
    return (box_t){clip(top, plan->rows), clip(left, plan->columns), clip(top + height, plan->rows),
                   clip(left + width, plan->columns)};
}

/* ----------------------------------------------------------------------------------------- painting */

static void fill_floats(float *target, int64_t n, float value)
{
    for (int64_t i = 0; i < n; i++)
        target[i] = value;
}

/* Paint one brightness in all channels. */
static void paint_grey(const plan_t *plan, const float *levels, void *image, box_t box, int64_t brightness)
{
    int64_t width = box.right - box.left, planes = 1, row = plan->width, n = width, first = box.left;
    if (width <= 0)
        return;
    if (plan->planar) {
        planes = plan->channels;
    } else {
        row *= plan->channels;
        n *= plan->channels;
        first *= plan->channels;
    }
    for (int64_t plane = 0; plane < planes; plane++) {
        int64_t offset = plane * plan->height * plan->width + first;
        if (plan->is_float) {
            float value = levels[brightness];
            for (int64_t y = box.top; y < box.bottom; y++)
                fill_floats((float *)image + offset + y * row, n, value);
        } else {
            for (int64_t y = box.top; y < box.bottom; y++)
                memset((uint8_t *)image + offset + y * row, (int)brightness, (size_t)n);
        }
    }
}

/* The fills below are for uint8 NHWC only. */

static void paint_pixels(const plan_t *plan, uint8_t *image, box_t box, const uint8_t *pixel)
{
    int64_t row = plan->width * plan->channels, n = (box.right - box.left) * plan->channels;
    uint8_t *first = image + box.top * row + box.left * plan->channels;
    if (n <= 0 || box.bottom <= box.top)
        return;
    for (int64_t i = 0; i < n; i += plan->channels)
        for (int64_t channel = 0; channel < plan->channels; channel++)
            first[i + channel] = pixel[channel];
    for (int64_t y = 1; y < box.bottom - box.top; y++)
        memcpy(first + y * row, first, (size_t)n);
}

static void paint_color(const plan_t *plan, uint8_t *image, box_t box, int64_t rectangle, const philox_key *key)
{
    uint8_t pixel[MAX_CHANNELS];
    uint32_t word[4];
    for (int64_t channel = 0; channel < plan->channels; channel++) {
        if (channel % 4 == 0)
            philox((1u << 30) + (uint32_t)(rectangle * 256 + channel / 4), key, word);
        pixel[channel] = (uint8_t)(plan->fill_low + bounded(word[channel % 4], plan->n_levels));
    }
    paint_pixels(plan, image, box, pixel);
}

static void paint_noise(const plan_t *plan, uint8_t *image, box_t box, const philox_key *key)
{
    uint32_t word[4];
    for (int64_t y = box.top; y < box.bottom; y++) {
        int64_t start = (y * plan->width + box.left) * plan->channels;
        int64_t stop = (y * plan->width + box.right) * plan->channels;
        for (int64_t value = start; value < stop; value++) {
            if (value == start || value % 4 == 0)
                philox((1u << 31) + (uint32_t)(value / 4), key, word);
            image[value] = (uint8_t)(plan->fill_low + bounded(word[value % 4], plan->n_levels));
        }
    }
}

static void mean_pixel(const plan_t *plan, const uint8_t *image, uint8_t *pixel)
{
    uint64_t sum[MAX_CHANNELS] = {0};
    uint64_t n = (uint64_t)(plan->height * plan->width);
    if (plan->channels == 3) {
        uint64_t red = 0, green = 0, blue = 0;
        for (uint64_t i = 0; i < n; i++) {
            red += image[3 * i];
            green += image[3 * i + 1];
            blue += image[3 * i + 2];
        }
        sum[0] = red;
        sum[1] = green;
        sum[2] = blue;
    } else {
        for (uint64_t i = 0; i < n; i++)
            for (int64_t channel = 0; channel < plan->channels; channel++)
                sum[channel] += image[i * (uint64_t)plan->channels + (uint64_t)channel];
    }
    for (int64_t channel = 0; channel < plan->channels; channel++)
        pixel[channel] = (uint8_t)((2 * sum[channel] + n) / (2 * n));
}

/* ------------------------------------------------------------------------------------------ entries */

static int64_t image_bytes(const plan_t *plan)
{
    return plan->height * plan->width * plan->channels * (plan->is_float ? 4 : 1);
}

void dust(const plan_t *plan, const uint32_t *tables, const float *levels, uint8_t *images, int64_t n, uint64_t seed,
          uint32_t epoch, int64_t first)
{
    for (int64_t i = 0; i < n; i++) {
        uint64_t index = (uint64_t)(first + i);
        philox_key key = {(uint32_t)seed, (uint32_t)(seed >> 32), (uint32_t)index, (uint32_t)(index >> 32), epoch};
        uint8_t *image = images + i * image_bytes(plan);
        uint8_t mean[MAX_CHANNELS];
        uint32_t word[4];
        philox(0, &key, word);
        if ((int64_t)word[1] >= plan->p_threshold)
            continue;
        int64_t count = plan->count_low + bounded(word[0], plan->n_counts);
        if (plan->fill == MEAN)
            mean_pixel(plan, image, mean);
        for (int64_t rectangle = 1; rectangle <= count; rectangle++) {
            philox((uint32_t)rectangle, &key, word);
            box_t box = draw_box(plan, tables, word);
            if (plan->fill == GREY)
                paint_grey(plan, levels, image, box, plan->fill_low + bounded(word[3], plan->n_levels));
            else if (plan->fill == COLOR)
                paint_color(plan, image, box, rectangle, &key);
            else if (plan->fill == NOISE)
                paint_noise(plan, image, box, &key);
            else
                paint_pixels(plan, image, box, mean);
        }
    }
}

/* Paint given rectangles: image, top, left, bottom, right, brightness. */
void paint_only(const plan_t *plan, const float *levels, uint8_t *images, const int32_t (*rectangles)[6], int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const int32_t *r = rectangles[i];
        paint_grey(plan, levels, images + r[0] * image_bytes(plan), (box_t){r[1], r[2], r[3], r[4]}, r[5]);
    }
}

/* Set the first bytes of each image to 0, in one piece. */
void clear(uint8_t *images, int64_t bytes_of_image, const int64_t *bytes, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        memset(images + i * bytes_of_image, 0, (size_t)bytes[i]);
}
