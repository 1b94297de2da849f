package main

import (
	"io"
	"strings"
)

// typed is a line that the user typed, or why there is none.
type typed struct {
	text string
	err  error
}

// yes takes the line for a yes or no; byDefault is what Enter means.
func (l typed) yes(byDefault bool) bool {
	switch word := strings.ToLower(strings.TrimSpace(l.text)); {
	case l.err != nil:
		return false
	case word == "":
		return byDefault
	default:
		return word == "y" || word == "yes"
	}
}

// typed brings the next line of the input. Reading cannot be called off, so a
// line that nobody waited for is brought to whoever asks next; who takes it
// sets lines to nil.
func (t *tool) typed() <-chan typed {
	if t.lines != nil {
		return t.lines
	}
	lines := make(chan typed, 1)
	t.lines = lines
	go func() { // ends with the process at the latest
		var text strings.Builder
		one := make([]byte, 1)
		for text.Len() < maxSecret {
			n, err := t.in.Read(one)
			if n == 1 && one[0] == '\n' {
				break
			}
			text.Write(one[:n])
			if err == io.EOF && text.Len() > 0 {
				break // the last line may lack its end
			}
			if err != nil {
				lines <- typed{err: err}
				return
			}
		}
		lines <- typed{text: text.String()}
	}()
	return lines
}
