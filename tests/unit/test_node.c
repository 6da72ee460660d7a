/* SPDX-License-Identifier: Apache-2.0 */
/* The tree: every node is found by its id and by its name, ids are unique, and so are those of all keys that
 * could be set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/keys/keys.h"
#include "engine/kind/instance.h"
#include "engine/model/internal.h"
#include "engine/model/registry.h"
#include "fs/tree/node.h"

static char dir[] = "/tmp/lxdfs-unit.XXXXXX";
static struct host host;

static struct object *make(enum kind_number kind, struct object *parent, const char *name, uint32_t id)
{
	struct object *o = object_new(&host, kind_get(kind), parent, id, name);

	o->created_ns = now_ns();
	if (o->kind->init)
		assert_int_equal(o->kind->init(o, NULL), 0);
	assert_int_equal(registry_add(o), 0);
	return o;
}

static void set(struct object *o, const char *section, const char *key, const char *value)
{
	struct config *c = config_copy(o->own);

	config_set(c, section, key, value, now_ns());
	object_publish(o, c);
}

/* One that has all of its own but networks, one that has nothing. */
static void make_projects(void)
{
	AUTO(object_unref)
	struct object *web = make(KIND_PROJECT, host.server, "web", 110), *foo = NULL,
		      *profile = host_get(&host, 102), *network = host_get(&host, 103);

	set(web, "config", "features.profiles", "true");
	set(web, "config", "features.images", "true");
	foo = make(KIND_INSTANCE, web, "foo", 111);
	set(foo, "devices/eth0", "type", "nic");
	object_unref(make(KIND_PROFILE, web, "default", 112));
	object_unref(make(KIND_PROJECT, host.server, "lab", 113));
	set(profile, "config", "limits.memory", "1GiB");
	set(profile, "config", "limits.cpu", "1");
	set(profile, "devices/eth0", "type", "nic");
	set(profile, "devices/root", "type", "disk");
	set(network, "config", "ipv4.address", "10.1.1.1/24");
}

static int set_up(void **state)
{
	static char state_dir[64], run[64];
	AUTO(err_done) struct err err = ERR_NULL;
	struct object *foo;

	(void)state;
	kinds_register();
	node_init();
	assert_non_null(mkdtemp(dir));
	snprintf(state_dir, sizeof(state_dir), "%s/state", dir);
	snprintf(run, sizeof(run), "%s/run", dir);
	host = (struct host){.mount = "/lxd",
			     .state = state_dir,
			     .run = run,
			     .name = "lxdfs-unit",
			     .libexec = "/",
			     .state_fd = -1,
			     .run_fd = -1};
	/* nothing is started here: what the host lacks for that doesn't matter */
	instances_open(&host, NULL);
	if (host_open(&host, &err) < 0)
		fail_msg("%s", err_text(&err));
	foo = make(KIND_INSTANCE, host.project, "foo", 100);
	set(foo, "config", "limits.memory", "64MiB");
	set(foo, "config", "user.x", "y");
	set(foo, "devices/eth0", "type", "nic");
	set(foo, "devices/eth0", "network", "br");
	set(foo, "devices/eth1", "type", "nic");
	set(foo, "devices/set", "type", "disk");
	set(foo, "devices/config", "type", "none");
	object_unref(make(KIND_INSTANCE, host.project, "set", 101));
	object_unref(make(KIND_PROFILE, host.project, "default", 102));
	object_unref(make(KIND_NETWORK, host.project, "br", 103));
	object_unref(make(KIND_POOL, host.project, "pool", 104));
	object_unref(make(KIND_EXEC, foo, "1", 105));
	object_unref(foo);
	make_projects();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	instances_close(&host);
	host_close(&host);
	return path_remove_tree(dir);
}

static bool same(const char *a, const char *b)
{
	return (!a && !b) || (a && b && !strcmp(a, b));
}

struct walk {
	const struct node *dir;
	uint64_t *ids;
	size_t n, dirs;
	int depth;
};

static int look(void *arg, const char *name, const struct node *child);

static void look_inside(struct walk *w, const struct node *d)
{
	const struct node *up = w->dir;

	w->dir = d;
	w->dirs++;
	w->depth++;
	assert_true(w->depth < 10);
	node_list(d, look, w);
	w->depth--;
	w->dir = up;
}

static int look(void *arg, const char *name, const struct node *child)
{
	struct walk *w = arg;
	AUTO(node_done) struct node by_id = {0}, by_name = {0}, up = {0};
	AUTO(free) char *text = node_name(child), *path = node_path(child);
	uint64_t id = node_id(child);

	assert_string_equal(text, name);
	for (size_t i = 0; i < w->n; i++)
		if (w->ids[i] == id)
			fail_msg("%s has the id of another", path);
	w->ids = xrealloc(w->ids, (w->n + 1) * sizeof(*w->ids));
	w->ids[w->n++] = id;
	if (node_find(&host, id, &by_id) < 0)
		fail_msg("%s isn't found by its id", path);
	if (by_id.o != child->o || by_id.row != child->row || by_id.via != child->via ||
	    !same(by_id.name, child->name) || !same(by_id.above, child->above))
		fail_msg("%s is found by its id as another node", path);
	if (node_child(w->dir, str_from(name), &by_name, NULL) < 0 || node_id(&by_name) != id)
		fail_msg("%s isn't found by its name", path);
	if (node_parent(child, &up) < 0 || node_id(&up) != node_id(w->dir))
		fail_msg("%s isn't in its parent", path);
	if (child->row->type == NODE_DIR)
		look_inside(w, child);
	return 0;
}

static void every_node_is_found(void **state)
{
	AUTO(node_done) struct node root = node_of(host.server);
	struct walk w = {0};

	(void)state;
	look_inside(&w, &root);
	assert_true(w.n > 500 && w.dirs > 50);
	free(w.ids);
}

struct views {
	const struct object *via;
	size_t n;
};

static int count_view(void *arg, const char *name, const struct node *child)
{
	AUTO(node_done) struct node found = {0};
	struct views *v = arg;

	assert_ptr_equal(child->via, v->via);
	assert_true(node_find(&host, node_id(child), &found) == 0 && found.via == v->via);
	assert_string_equal(found.name ? found.name : found.row->number ? found.row->name : name, name);
	v->n++;
	if (child->row->type == NODE_DIR)
		node_list(child, count_view, v);
	return 0;
}

static void no_view_is_taken_for_another(void **state)
{
	struct object *list[400], *profile = host_get(&host, 102);
	size_t first = 0, sum = 0;

	(void)state;
	for (uint32_t i = 0; i < 60; i++) {
		AUTO(free) char *key = xasprintf("user.%u", i);

		set(profile, "config", key, "x");
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(list); i++) {
		AUTO(free) char *name = xasprintf("p%u", i);

		list[i] = make(KIND_PROJECT, host.server, name, 1000 + i);
	}
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		AUTO(node_done) struct node d = {0};
		struct views v = {.via = list[i]};

		assert_true(node_row_named(list[i], "profiles", &d));
		assert_int_equal(node_mode(&d), 0550);
		node_list(&d, count_view, &v);
		first = MAX(first, v.n);
		sum += v.n;
	}
	/* of these 30000 hardly one has the id of another, and isn't shown then */
	assert_true(first > 60 && sum >= first * ARRAY_SIZE(list) - 5);
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		registry_remove(list[i]);
		object_unref(list[i]);
	}
	object_unref(profile);
}

static void a_view_can_only_be_read(void **state)
{
	static const char *const hidden[] = {"used_by", "leases", "error", "set"};
	AUTO(object_unref) struct object *lab = host_get(&host, 113), *network = host_get(&host, 103);
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(node_done) struct node n = {0}, own = {0}, d = {0};
	uint64_t id;

	(void)state;
	assert_true(node_row_named(lab, "networks/br/config/ipv4.address", &n));
	assert_true(node_row_named(network, "config/ipv4.address", &own));
	assert_ptr_equal(n.o, network);
	assert_int_equal(node_mode(&n), 0440);
	assert_false(node_can_write(&n));
	assert_true(node_can_write(&own));
	assert_int_equal(node_refuse_view(&own, &err), 0);
	assert_int_equal(node_refuse_view(&n, &err), -EPERM);
	assert_string_equal(err_text(&err),
			    "network br is project default's: it can be read in project lab, and changed in "
			    "/lxd/networks");
	assert_int_equal(node_view_id(&own, lab), node_id(&n));
	assert_true(node_row_named(lab, "networks/br", &d));
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++) {
		AUTO(node_done) struct node x = {0};

		assert_int_equal(node_child(&d, str_from(hidden[i]), &x, NULL), -ENOENT);
	}
	/* with objects of its own it has no view, and the id means nothing any more */
	id = node_id(&n);
	set(lab, "config", "features.networks", "true");
	node_done(&n);
	assert_int_equal(node_find(&host, id, &n), -ESTALE);
	assert_false(node_row_named(lab, "networks/br", &n));
	set(lab, "config", "features.networks", "false");
}

static void names_are_of_a_project(void **state)
{
	AUTO(object_unref) struct object *web = host_get(&host, 110), *lab = host_get(&host, 113);
	AUTO(object_unref) struct object *a = host_find(host.project, KIND_INSTANCE, STR("foo"));
	AUTO(object_unref) struct object *b = host_find(web, KIND_INSTANCE, STR("foo"));
	AUTO(free) char *path = object_path(b), *top = object_path(a), *project = object_path(web);
	AUTO(objects_free) struct object **users = host_users(host.project, KIND_PROFILE, KIND_INSTANCE);
	AUTO(objects_free) struct object **every = host_every(&host, KIND_INSTANCE);

	(void)state;
	assert_ptr_not_equal(a, b);
	assert_null(host_find(lab, KIND_INSTANCE, STR("foo")));
	assert_string_equal(path, "projects/web/instances/foo");
	assert_string_equal(top, "instances/foo");
	assert_string_equal(project, "projects/web");
	assert_ptr_equal(object_project(b), web);
	assert_ptr_equal(host_scope(web, KIND_PROFILE), web);
	assert_ptr_equal(host_scope(web, KIND_NETWORK), host.project);
	assert_ptr_equal(host_scope(web, KIND_POOL), host.project);
	assert_ptr_equal(host_scope(lab, KIND_PROFILE), host.project);
	assert_ptr_equal(host_scope(lab, KIND_INSTANCE), lab);
	for (size_t i = 0; users[i]; i++)
		assert_ptr_not_equal(users[i], b);
	assert_true(every[0] && every[1] && every[2] && !every[3]);
	assert_true(every[0]->id < every[1]->id && every[1]->id < every[2]->id);
}

static void an_object_moves(void **state)
{
	AUTO(object_unref) struct object *web = host_get(&host, 110), *lab = host_get(&host, 113);
	AUTO(object_unref) struct object *o = host_find(web, KIND_INSTANCE, STR("foo"));
	AUTO(node_done) struct node self = node_of(o), up = {0}, d = {0};

	(void)state;
	assert_int_equal(registry_move(o, host.project, "foo"), -EEXIST);
	assert_ptr_equal(o->parent, web);
	assert_int_equal(registry_move(o, lab, "bar"), 0);
	assert_null(host_find(web, KIND_INSTANCE, STR("foo")));
	assert_int_equal(host_count(web, KIND_INSTANCE), 0);
	assert_int_equal(host_count(lab, KIND_INSTANCE), 1);
	assert_int_equal(node_parent(&self, &up), 0);
	assert_true(node_row_named(lab, "instances", &d));
	assert_int_equal(node_id(&up), node_id(&d));
	assert_int_equal(registry_move(o, web, "foo"), 0);
	assert_int_equal(host_count(lab, KIND_INSTANCE), 0);
}

static void what_is_not_there_is_stale(void **state)
{
	AUTO(node_done) struct node root = node_of(host.server), n = {0};
	static const uint64_t ids[] = {
	    0,	   2,	       (uint64_t)100 << 36 | (uint64_t)250 << 28,	(uint64_t)999 << 36,
	    ~0ULL, ~0ULL >> 1, (uint64_t)100 << 36 | (uint64_t)22 << 28 | 12345};
	static const char *const names[] = {".", "..", "", "nosuch", "instances/foo", "set", "//"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		assert_int_equal(node_find(&host, ids[i], &n), -ESTALE);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(node_child(&root, str_from(names[i]), &n, NULL), -ENOENT);
	assert_int_equal(node_parent(&root, &n), -ENOENT);
}

struct name {
	uint64_t id;
	const char *name;
};

static int compare(const void *a, const void *b)
{
	uint64_t x = ((const struct name *)a)->id, y = ((const struct name *)b)->id;

	return x < y ? -1 : x > y;
}

/* All names that a directory can have by its tables, as if they were there. */
static void check_names(const struct node *d, const struct key_table *const *tables)
{
	struct name *list = NULL;
	size_t n = 0;

	for (; *tables; tables++)
		for (size_t i = 0; i < (*tables)->n; i++) {
			const struct node x = {.o = d->o,
					       .row = node_unnamed_row(d),
					       .name = (char *)(*tables)->keys[i].name,
					       .above = d->name};
			bool known = false;

			for (size_t k = 0; k < n && !known; k++)
				known = !strcmp(list[k].name, x.name);
			if (known)
				continue;
			list = xrealloc(list, (n + 1) * sizeof(*list));
			list[n++] = (struct name){node_id(&x), x.name};
		}
	qsort(list, n, sizeof(*list), compare);
	for (size_t i = 1; i < n; i++)
		if (list[i].id == list[i - 1].id)
			fail_msg("%s and %s have one number", list[i].name, list[i - 1].name);
	free(list);
}

static void check_dir(struct object *o, const char *path, const struct key_table *const *tables)
{
	AUTO(node_done) struct node d = {0};

	if (!node_row_named(o, path, &d))
		fail_msg("no %s", path);
	check_names(&d, tables);
}

static void keys_never_share_a_number(void **state)
{
	static const char *const devices[] = {"devices/eth0", "local/devices/eth1", "effective/devices/set"};
	const struct key_table *tables[64] = {NULL};
	struct object *foo = host_get(&host, 100);
	const struct kind_tables *t = kind_tables(foo->kind);
	size_t n = 0;

	(void)state;
	check_dir(foo, "config", (const struct key_table *const[]){t->config, NULL});
	check_dir(foo, "local/config", (const struct key_table *const[]){t->config, NULL});
	for (const struct device_type *const *d = t->devices; *d && n < ARRAY_SIZE(tables) - 1; d++)
		tables[n++] = &(*d)->keys;
	assert_true(n > 2);
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		check_dir(foo, devices[i], tables);
	for (uint32_t id = 103; id <= 104; id++) {
		AUTO(object_unref) struct object *o = host_get(&host, id);

		check_dir(o, "config", (const struct key_table *const[]){kind_tables(o->kind)->config, NULL});
	}
	check_dir(host.server, "config",
		  (const struct key_table *const[]){kind_tables(host.server->kind)->config, NULL});
	object_unref(foo);
}

static void rows_have_numbers_of_their_own(void **state)
{
	(void)state;
	for (const struct node_table *const *t = node_tables; *t; t++) {
		bool used[256] = {false};

		assert_int_equal((*t)->rows[0].number, 0);
		for (size_t i = 0; i < (*t)->n; i++) {
			const struct node_row *row = &(*t)->rows[i];
			bool has_parent = false;

			assert_false(used[row->number]);
			used[row->number] = true;
			for (size_t k = 0; k < (*t)->n; k++)
				has_parent = has_parent || ((*t)->rows[k].number == row->parent &&
							    (*t)->rows[k].type == NODE_DIR);
			/* or it is seen elsewhere, in public/ */
			assert_true(has_parent || row->is_public);
		}
	}
}

/* One key has one owner, in whatever directory it is looked at. */
static void a_key_has_one_place(void **state)
{
	static const char *const views[] = {"", "local/", "effective/"};
	struct object *foo = host_get(&host, 100);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
		AUTO(free) char *config = xasprintf("%sconfig/limits.memory", views[i]), *place = NULL;
		AUTO(free) char *device = xasprintf("%sdevices/eth0/network", views[i]), *other = NULL;
		AUTO(node_done) struct node a = {0}, b = {0};

		assert_true(node_row_named(foo, config, &a));
		assert_true(node_row_named(foo, device, &b));
		place = node_place(&a);
		other = node_place(&b);
		assert_string_equal(place, "config/limits.memory");
		assert_string_equal(other, "devices/eth0/network");
	}
	object_unref(foo);
}

static void each_lookup_of_wait_is_its_own(void **state)
{
	struct object *foo = host_get(&host, 100);
	AUTO(node_done) struct node n = {0}, found = {0};
	uint64_t a, b;

	(void)state;
	assert_true(node_row_named(foo, "wait", &n));
	a = node_own_id(&n);
	b = node_own_id(&n);
	assert_true(a != b && a != node_id(&n));
	assert_int_equal(node_find(&host, a, &found), 0);
	assert_ptr_equal(found.row, n.row);
	object_unref(foo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_have_numbers_of_their_own),
	    cmocka_unit_test(every_node_is_found),
	    cmocka_unit_test(no_view_is_taken_for_another),
	    cmocka_unit_test(a_view_can_only_be_read),
	    cmocka_unit_test(names_are_of_a_project),
	    cmocka_unit_test(an_object_moves),
	    cmocka_unit_test(what_is_not_there_is_stale),
	    cmocka_unit_test(keys_never_share_a_number),
	    cmocka_unit_test(a_key_has_one_place),
	    cmocka_unit_test(each_lookup_of_wait_is_its_own),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
