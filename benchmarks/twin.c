/* A plain C twin of dustaug's algorithm, for comparison.

   It draws the same words, reads the same curves and paints the same pixels, in the usual way of C: it draws one
   Philox block for each rectangle, clips the rectangle, and calls memset (or runs a loop of stores) for each of its rows.
   The compiler may vectorise everything. Images are contiguous, uint8 or float32, NHWC or NCHW. */

#include <stdint.h>
#include <string.h>

enum { GREY, COLOR, NOISE, MEAN };
enum { MAX_CHANNELS = 16 };

/* benchmarks/twin.py fills in these fields by name, from dustaug's plan. Their order is that of twin._FIELDS. */
typedef struct {
    int64_t p_threshold, count_low, n_counts;
    int64_t spare_last, inside, normal;
    int64_t y_mean, y_std, y_shift, x_mean, x_std, x_shift;
    int64_t size_unit, height_low, n_heights, width_low, n_widths, square, in_fractions;
    int64_t from_area, area_low, n_areas, area_base, aspect_low, n_aspects;
    int64_t fill, fill_low, n_levels, all_levels;
    int64_t height, width, channels;
    int64_t is_float, planar;
    int64_t log_row, power_row;
} plan_t;

/* A row of a curve. */
typedef struct {
    uint32_t f, s, c, unused;
} row_t;

typedef struct {
    uint32_t k0, k1, index_low, index_high, epoch;
} philox_key;

typedef struct {
    int64_t height, width;
} size_pair;

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

static uint32_t high(uint32_t a, uint32_t b)
{
    return (uint32_t)(((uint64_t)a * b) >> 32);
}

static int64_t clip(int64_t value, int64_t most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

/* Octave of a number from 1 to 2^31 - 1, its row of 2^bits in it, and how far into that row it lies. */
static int octave_of(uint32_t number, int bits, uint32_t *row, uint32_t *x)
{
    int octave = 31 - __builtin_clz(number);
    uint32_t fraction = number << (31 - octave) << 1;
    *row = fraction >> (32 - bits);
    *x = fraction << bits;
    return octave;
}

static uint32_t quantile(const row_t *curve, uint32_t word)
{
    uint32_t t = word >> 31 ? ~word : word, row, x;
    int octave = octave_of(t ? t : 1, 5, &row, &x);
    row_t r = curve[32 * octave + (int)row];
    return r.f - high(x, r.s - high(x, r.c));
}

static int64_t half_log(const row_t *curve, uint32_t number)
{
    uint32_t row, x;
    int octave = octave_of(number, 6, &row, &x);
    row_t r = curve[row];
    return ((int64_t)octave << 23) + ((r.f + high(x, r.s - high(x, r.c))) >> 9);
}

static uint32_t power(const row_t *curve, uint32_t v)
{
    row_t r = curve[v >> 18 & 63];
    uint32_t x = v << 14, mantissa = r.f + high(x, r.s + high(x, r.c));
    return mantissa >> clip(128 - (int64_t)(v >> 24), 31);
}

static int64_t in_pixels(uint32_t fraction, int64_t side)
{
    return (int64_t)((high(fraction, (uint32_t)(4 * side)) + 1) >> 1);
}

static size_pair draw_fractions(const plan_t *plan, uint32_t rectangle, const philox_key *key)
{
    uint32_t word[4];
    philox((1u << 29) + 8 * rectangle, key, word);
    return (size_pair){in_pixels((uint32_t)(plan->height_low + bounded(word[0], plan->n_heights)), plan->height),
                       in_pixels((uint32_t)(plan->width_low + bounded(word[1], plan->n_widths)), plan->width)};
}

static size_pair draw_area(const plan_t *plan, const row_t *curves, uint32_t rectangle, const philox_key *key)
{
    int64_t longer = plan->width > plan->height ? plan->width : plan->height;
    int64_t shorter = plan->width + plan->height - longer;
    int64_t shape = half_log(curves + plan->log_row, (uint32_t)((longer << 15) / shorter)) - (15 << 23);
    uint32_t word[4];
    if (plan->width <= plan->height)
        shape = -shape;
    for (uint32_t tries = 0; tries < 10; tries++) {
        if (tries % 2 == 0)
            philox((1u << 29) + 8 * rectangle + tries / 2, key, word);
        int64_t area = plan->area_low + bounded(word[tries % 2 * 2], plan->n_areas);
        int64_t a = half_log(curves + plan->log_row, (uint32_t)(area ? area : 1)) + plan->area_base;
        int64_t t = plan->aspect_low + bounded(word[tries % 2 * 2 + 1], plan->n_aspects) + shape;
        size_pair size = {in_pixels(power(curves + plan->power_row, (uint32_t)(a + t)), plan->height),
                          in_pixels(power(curves + plan->power_row, (uint32_t)(a - t)), plan->width)};
        if (size.height < plan->height && size.width < plan->width)
            return size;
    }
    return (size_pair){0, 0};
}

static size_pair draw_size(const plan_t *plan, const row_t *curves, uint32_t rectangle, uint32_t word,
                           const philox_key *key)
{
    if (plan->from_area)
        return draw_area(plan, curves, rectangle, key);
    if (plan->in_fractions)
        return draw_fractions(plan, rectangle, key);
    uint64_t product = (uint64_t)word * (uint64_t)plan->n_heights;
    size_pair size = {plan->size_unit * (plan->height_low + (int64_t)(product >> 32)),
                      plan->size_unit * (plan->width_low + bounded((uint32_t)product, plan->n_widths))};
    if (plan->square)
        size.width = size.height;
    return size;
}

static int64_t normal_place(const row_t *curves, uint32_t word, int64_t mean, int64_t std, int64_t shift, int64_t side)
{
    int64_t distance = clip((int64_t)high(quantile(curves, word), (uint32_t)std) << shift, 1ll << 31);
    int64_t place = clip(word >> 31 ? mean + distance : mean - distance, 1ll << 31);
    return high((uint32_t)place, (uint32_t)(2 * side));
}

static box_t draw_box(const plan_t *plan, const row_t *curves, uint32_t rectangle, const uint32_t word[4],
                      const philox_key *key)
{
    int64_t top, left, rows = plan->height - plan->spare_last, columns = plan->width - plan->spare_last;
    size_pair size = draw_size(plan, curves, rectangle, word[2], key);
    if (plan->inside) {
        size.height = clip(size.height, rows);
        size.width = clip(size.width, columns);
        top = bounded(word[0], rows - size.height + 1);
        left = bounded(word[1], columns - size.width + 1);
    } else if (plan->normal) {
        top = normal_place(curves, word[0], plan->y_mean, plan->y_std, plan->y_shift, plan->height) - size.height / 2;
        left = normal_place(curves, word[1], plan->x_mean, plan->x_std, plan->x_shift, plan->width) - size.width / 2;
    } else {
        top = bounded(word[0], plan->height) - size.height / 2;
        left = bounded(word[1], plan->width) - size.width / 2;
    }
    return (box_t){clip(top, rows), clip(left, columns), clip(top + size.height, rows),
                   clip(left + size.width, columns)};
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
    int64_t in_block = plan->all_levels ? 16 : 8, in_word = in_block / 4, bits = 32 / in_word;
    for (int64_t y = box.top; y < box.bottom; y++) {
        int64_t start = (y * plan->width + box.left) * plan->channels;
        int64_t stop = (y * plan->width + box.right) * plan->channels;
        for (int64_t value = start; value < stop; value++) {
            if (value == start || value % in_block == 0)
                philox((1u << 31) + (uint32_t)(value / in_block), key, word);
            uint32_t part = word[value / in_word % 4] >> (bits * (value % in_word)) & ((1u << bits) - 1);
            image[value] = (uint8_t)(plan->fill_low + (part * plan->n_levels >> bits));
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

void dust(const plan_t *plan, const row_t *curves, const float *levels, uint8_t *images, int64_t n, uint64_t seed,
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
            box_t box = draw_box(plan, curves, (uint32_t)rectangle, word, &key);
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
