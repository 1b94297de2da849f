package test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"
)

// Tray is a World's panel: a StatusNotifierWatcher that shows nothing and
// clicks menu items over com.canonical.dbusmenu, as a panel does.
type Tray struct {
	conn *dbus.Conn

	mu   sync.Mutex // guards what follows
	item dbus.BusObject
}

const (
	watcherName = "org.kde.StatusNotifierWatcher"
	watcherPath = "/StatusNotifierWatcher"
	itemName    = "org.kde.StatusNotifierItem"
	menuName    = "com.canonical.dbusmenu"
)

// watcher is what programs see of the Tray.
type watcher struct{ tray *Tray }

// RegisterStatusNotifierItem is called by a program that has a tray icon.
func (h watcher) RegisterStatusNotifierItem(service string, sender dbus.Sender) *dbus.Error {
	owner, path := string(sender), dbus.ObjectPath(service)
	if !strings.HasPrefix(service, "/") {
		owner, path = service, "/StatusNotifierItem"
	}
	h.tray.mu.Lock()
	defer h.tray.mu.Unlock()
	h.tray.item = h.tray.conn.Object(owner, path)
	return nil
}

// RegisterStatusNotifierHost is called by other panels.
func (h watcher) RegisterStatusNotifierHost(string) *dbus.Error { return nil }

func startTray(w *World) (*Tray, error) {
	c, err := w.Connect()
	if err != nil {
		return nil, err
	}
	w.onClose(c.Close)
	t := &Tray{conn: c}
	if err := c.Export(watcher{t}, watcherPath, watcherName); err != nil {
		return nil, err
	}
	_, err = prop.Export(c, watcherPath, prop.Map{watcherName: {
		"IsStatusNotifierHostRegistered": {Value: true},
		"ProtocolVersion":                {Value: int32(0)},
		"RegisteredStatusNotifierItems":  {Value: []string{}},
	}})
	if err != nil {
		return nil, err
	}
	reply, err := c.RequestName(watcherName, dbus.NameFlagDoNotQueue)
	if err == nil && reply != dbus.RequestNameReplyPrimaryOwner {
		err = errors.New("another tray is on the bus")
	}
	return t, err
}

// MenuItem is a line of the tray's menu.
type MenuItem struct {
	ID       int32
	Label    string // without mnemonics
	Disabled bool
	Items    []MenuItem
}

func (t *Tray) object() (dbus.BusObject, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.item == nil {
		return nil, errors.New("no program has a tray icon")
	}
	return t.item, nil
}

func (t *Tray) menuObject(ctx context.Context) (dbus.BusObject, error) {
	item, err := t.object()
	if err != nil {
		return nil, err
	}
	var path dbus.ObjectPath
	err = item.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, itemName, "Menu").Store(&path)
	if err != nil {
		return nil, err
	}
	return t.conn.Object(item.Destination(), path), nil
}

// Menu reads the menu as a panel would when it opens.
func (t *Tray) Menu(ctx context.Context) ([]MenuItem, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	menu, err := t.menuObject(ctx)
	if err != nil {
		return nil, err
	}
	var revision uint32
	var root layout
	err = menu.CallWithContext(ctx, menuName+".GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &root)
	if err != nil {
		return nil, err
	}
	top, err := root.menuItem()
	return top.Items, err
}

// layout is dbusmenu's (ia{sv}av).
type layout struct {
	ID         int32
	Properties map[string]dbus.Variant
	Children   []dbus.Variant
}

func (l layout) menuItem() (MenuItem, error) {
	m := MenuItem{ID: l.ID}
	if label, ok := l.Properties["label"].Value().(string); ok {
		m.Label = strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(label, "__", "\x00"), "_", ""), "\x00", "_")
	}
	if enabled, ok := l.Properties["enabled"].Value().(bool); ok {
		m.Disabled = !enabled
	}
	for _, c := range l.Children {
		var child layout
		if err := dbus.Store([]any{c.Value()}, &child); err != nil {
			return m, err
		}
		item, err := child.menuItem()
		if err != nil {
			return m, err
		}
		m.Items = append(m.Items, item)
	}
	return m, nil
}

// Find looks for an item by the labels on the way to it: each whole, else its beginning.
func Find(items []MenuItem, way ...string) (MenuItem, error) {
	same := func(m MenuItem) bool { return m.Label == way[0] }
	i := slices.IndexFunc(items, same)
	if i < 0 {
		i = slices.IndexFunc(items, func(m MenuItem) bool { return strings.HasPrefix(m.Label, way[0]) })
	}
	if i < 0 {
		var all []string
		for _, m := range items {
			all = append(all, m.Label)
		}
		return MenuItem{}, fmt.Errorf("the menu has no %q but %q", way[0], all)
	}
	if len(way) == 1 {
		return items[i], nil
	}
	return Find(items[i].Items, way[1:]...)
}

// Await waits until the menu has an item.
func (t *Tray) Await(ctx context.Context, way ...string) (MenuItem, error) {
	var item MenuItem
	err := Await(ctx, "the tray's "+strings.Join(way, " > "), func() error {
		items, err := t.Menu(ctx)
		if err != nil {
			return err
		}
		item, err = Find(items, way...)
		if err == nil && item.Disabled {
			err = errors.New("it is disabled")
		}
		return err
	})
	return item, err
}

// Click clicks a menu item. Ids change whenever the program renews its menu,
// so the item is looked up by its labels just before.
func (t *Tray) Click(ctx context.Context, way ...string) error {
	item, err := t.Await(ctx, way...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	menu, err := t.menuObject(ctx)
	if err != nil {
		return err
	}
	return menu.CallWithContext(ctx, menuName+".Event", 0, item.ID, "clicked", dbus.MakeVariant(""), uint32(0)).Err
}
