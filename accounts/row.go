package accounts

import "dancecard/dance/catalog"

// Row is a row as the gallery shows it, also of a provider that is in no
// catalogue: one that an address led to, or that an account was linked with.
// A door needs it to ask for the registration that such a provider wants.
func (b *Book) Row(id string) (Provider, bool) {
	entry, ok := b.catalog.Get(id)
	if !ok {
		row, err := b.foundProvider(id, "")
		if err != nil {
			return Provider{}, false
		}
		entry = catalog.Entry{Provider: row}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.profiles[b.current].galleryLocked([]Provider{b.rowView(entry)})[0], true
}
