package catalog

import (
	"encoding/json"
	"reflect"
	"strings"

	"dancecard/dance"
)

// addressForm is as much of checkURL as a pattern can say.
const addressForm = `^(https://|http://(localhost|127\.[0-9.]+|\[::1\])([:/?]|$)|\{)[^\s#\\]*$`

// Schema is the JSON schema (draft 2020-12) of provider files for editors. It
// knows the keys, their kinds and bounds; what hangs together only [Lint] knows.
func Schema() []byte {
	root := schemaOf("", providerType)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "A provider file of Dancecard"
	root["required"] = []string{"name"}
	root["if"] = object{"properties": object{"protocol": object{"const": "oauth1"}}, "required": []string{"protocol"}}
	root["then"] = object{"required": []string{"endpoints"}, "properties": object{"endpoints": object{
		"required": []string{"request_token", "authorization", "token"},
	}}}
	root["else"] = object{"anyOf": []object{{"required": []string{"issuer"}}, {"required": []string{"endpoints"}}}}
	data, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // there is nothing in it that JSON does not have
	}
	return append(data, '\n')
}

type object = map[string]any

// needed are the keys that a table is of no use without.
var needed = map[string][]string{
	"instance": {"param", "label", "example"}, "options": {"id", "label", "param"}, "revocation.lookup": {"url", "match", "id"},
}

func schemaOf(key string, t reflect.Type) object {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	s := object{}
	if text := about[key]; text != "" {
		s["description"] = text
	}
	switch {
	case t.Kind() == reflect.Bool:
		s["type"] = "boolean"
	case t.Kind() == reflect.Int:
		s["type"], s["minimum"], s["maximum"] = "integer", 1024, 65535
	case t.Kind() == reflect.Map:
		s["type"], s["additionalProperties"] = "object", object{"type": "string"}
	case t.Kind() == reflect.Slice:
		s["type"], s["maxItems"], s["items"] = "array", maxList, schemaOf(key, t.Elem())
		delete(s["items"].(object), "description")
		if t.Elem().Kind() != reflect.Struct {
			s["uniqueItems"] = true
		}
	case t.Kind() == reflect.Struct && t != secretType:
		properties := object{}
		for f := range t.Fields() {
			name := f.Tag.Get("toml")
			if name == "-" {
				continue
			}
			properties[name] = schemaOf(strings.TrimPrefix(key+"."+name, "."), f.Type)
		}
		s["type"], s["properties"], s["additionalProperties"] = "object", properties, false
		if needed[key] != nil {
			s["required"] = needed[key]
		}
	default:
		s["type"] = "string"
		bound(s, key)
	}
	return s
}

// bound puts the rule of a text into its schema.
func bound(s object, key string) {
	rule := rules[key]
	_, isAddress := addresses(new(dance.Provider))[key]
	switch {
	case rule.oneOf != nil:
		s["enum"] = append([]string{""}, rule.oneOf...)
	case rule.form != nil:
		s["pattern"] = "^$|" + rule.form.String()
	case isAddress:
		s["pattern"] = "^$|" + addressForm
	case key == "name":
		s["minLength"], s["maxLength"] = 1, 60
	}
}
