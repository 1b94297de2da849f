package main

import (
	"fmt"
	"os"
	"strings"
)

// onDisplay runs f, with an error where the toolkit finds no display that it
// can use and panics.
func onDisplay(f func()) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if !strings.Contains(fmt.Sprint(p), "GLFW library is not initialized") {
			panic(p)
		}
		err = fmt.Errorf("the display %q cannot be used", os.Getenv("DISPLAY")+os.Getenv("WAYLAND_DISPLAY"))
	}()
	f()
	return nil
}
