package catalog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const threeLines = `name = "Work"
issuer = "https://id.example.com"
client_id = "dancecard"
`

// write saves as editors do: the file is never there half.
func write(t *testing.T, folder, name, text string) string {
	t.Helper()
	file, part := filepath.Join(folder, name), filepath.Join(folder, ".part-"+name)
	if err := os.WriteFile(part, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(part, file); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestThreeLinesMakeAProvider(t *testing.T) {
	p, problems := Lint(write(t, t.TempDir(), "work.toml", threeLines))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if p.ID != "work" || p.Name != "Work" || p.Issuer != "https://id.example.com" || p.ClientID != "dancecard" {
		t.Errorf("%+v", p)
	}
}

func TestClientSecretIsRead(t *testing.T) {
	p, problems := Lint(write(t, t.TempDir(), "work.toml", threeLines+"client_secret = \"s3cret\"\nauth_style = \"post\"\n"))
	if len(problems) > 0 || p.ClientSecret.Reveal() != "s3cret" {
		t.Fatal(problems, p.ClientSecret.IsZero())
	}
}

func TestLint(t *testing.T) {
	for name, test := range map[string]struct {
		text   string
		line   int
		reason string
		fix    string
	}{
		"unknown key":                  {threeLines + "clinet_secret = \"x\"\n", 4, "clinet_secret", "client_secret"},
		"key of another table":         {threeLines + "token = \"https://id.example.com/t\"\n", 4, "token", "endpoints.token"},
		"long name of a key":           {threeLines + "token_endpoint = \"https://id.example.com/t\"\n", 4, "token_endpoint", "endpoints.token"},
		"unknown key in table":         {threeLines + "\n[tile]\ncolour = \"#123456\"\n", 6, "tile.colour", ""},
		"near key in table":            {threeLines + "[redirect]\nprot = 8080\n", 5, "redirect.prot", "redirect.port"},
		"inline table":                 {threeLines + "tile = { brnd = \"#123456\" }\n", 4, "tile.brnd", "tile.brand"},
		"unknown table once":           {threeLines + "[endpoint]\na = 1\nb = 2\n", 4, "endpoint", "endpoints"},
		"capital letters":              {strings.Replace(threeLines, "name", "Name", 1), 1, "Name", "name"},
		"not TOML":                     {threeLines + "scopes = [\"a\"\nx\n", 5, "not TOML", "quotes"},
		"no quotes":                    {"name = Work\n", 1, "not TOML", "quotes"},
		"twice":                        {threeLines + "name = \"Other\"\n", 4, "in line 1", "delete"},
		"wrong kind: number":           {threeLines + "[redirect]\nport = \"8080\"\n", 5, "redirect.port", "whole number"},
		"wrong kind: list":             {threeLines + "scopes = \"openid\"\n", 4, "scopes", "list"},
		"wrong kind: text":             {"name = 5\nissuer = \"https://id.example.com\"\n", 1, "name", "quotes"},
		"no name":                      {"issuer = \"https://id.example.com\"\n", 0, "no name", "name ="},
		"no issuer":                    {"name = \"Work\"\n", 0, "no issuer", "issuer ="},
		"plain http":                   {strings.Replace(threeLines, "https", "http", 1), 2, "this machine", "https://id.example.com"},
		"no scheme":                    {strings.Replace(threeLines, "https://", "", 1), 2, "issuer", "https://"},
		"javascript":                   {threeLines + "settings_page = \"javascript:alert(1)\"\n", 4, "settings_page", "https://"},
		"issuer with query":            {strings.Replace(threeLines, ".com", ".com/?a=b", 1), 2, "query", ""},
		"user in address":              {strings.Replace(threeLines, "id.", "me@id.", 1), 2, "user name", ""},
		"fragment":                     {strings.Replace(threeLines, ".com", ".com/#x", 1), 2, "fragment", ""},
		"space":                        {strings.Replace(threeLines, ".com", ".com ", 1), 2, "belong", ""},
		"other id":                     {threeLines + "id = \"home\"\n", 4, "home", "delete"},
		"bad protocol":                 {threeLines + "protocol = \"saml\"\n", 4, "saml", "oidc, oauth2"},
		"bad pkce":                     {threeLines + "pkce = \"s256\"\n", 4, "s256", "S256"},
		"bad mode":                     {threeLines + "[redirect]\nmode = \"any\"\n", 5, "any", "fixed_port"},
		"low port":                     {threeLines + "[redirect]\nmode = \"fixed_port\"\nport = 80\n", 6, "80", "1024"},
		"bad path":                     {threeLines + "[redirect]\npath = \"x?y\"\n", 5, "path", "/dancecard"},
		"two scopes in one":            {threeLines + "scopes = [\"openid email\"]\n", 4, "one scope", "own"},
		"own parameter":                {threeLines + "[authorize_params]\nstate = \"x\"\n", 5, "state", "delete"},
		"own header":                   {threeLines + "[api.headers]\nauthorization = \"x\"\n", 5, "authorization", "delete"},
		"split header":                 {threeLines + "[identity.headers]\nX-A = \"a\\r\\nb: c\"\n", 5, "X-A", "correct"},
		"host with scheme":             {threeLines + "[api]\nhosts = [\"https://api.example.com\"]\n", 5, "host name", "bare"},
		"wildcard host":                {threeLines + "[api]\nhosts = [\"*.example.com\"]\n", 5, "host name", "bare"},
		"base beyond hosts":            {threeLines + "[api]\nhosts = [\"a.example.com\"]\nbase_url = \"https://b.example.com/\"\n", 6, "b.example.com", "add"},
		"colour":                       {threeLines + "[tile]\nbrand = \"red\"\n", 5, "red", "#24292F"},
		"monogram":                     {threeLines + "[tile]\nmonogram = \"Work\"\n", 5, "monogram", "shorten"},
		"blank":                        {strings.Replace(threeLines, "id.example", "{host}.example", 1), 2, "blank", "[instance]"},
		"revocation style":             {threeLines + "[revocation]\nstyle = \"delete\"\n", 5, "delete", "rfc7009"},
		"oauth2 without token":         {"name = \"W\"\n[endpoints]\nauthorization = \"https://a.example/\"\n", 2, "two addresses", "endpoints.token"},
		"whose account":                {"name = \"W\"\n[endpoints]\nauthorization = \"https://a.example/\"\ntoken = \"https://a.example/t\"\n", 0, "whose account", "identity.subject"},
		"secret without id":            {"name = \"W\"\nissuer = \"https://a.example\"\nclient_secret = \"x\"\n", 3, "no client_id", "client_id"},
		"not UTF-8":                    {threeLines + "category = \"\xff\"\n", 0, "UTF-8", "UTF-8"},
		"turned reading":               {"name = \"a\u202eb\"\nissuer = \"https://a.example\"\n", 1, "shown", ""},
		"instance not used":            {threeLines + "[instance]\nparam = \"host\"\nlabel = \"Host\"\nexample = \"a.example\"\n", 4, "blank", ""},
		"secret beside no auth":        {threeLines + "client_secret = \"x\"\nauth_style = \"none\"\n", 5, "none", "post"},
		"options as a table":           {threeLines + "[options]\nid = \"a\"\nlabel = \"A\"\nparam = \"a\"\n", 4, "list of tables", "[[options]]"},
		"option twice":                 {threeLines + "[[options]]\nid = \"a\"\nlabel = \"A\"\nparam = \"a\"\n[[options]]\nid = \"a\"\nlabel = \"A\"\nparam = \"a\"\n", 9, "twice", "another id"},
		"option without label":         {threeLines + "[[options]]\nid = \"a\"\nparam = \"a\"\n", 4, "no label", "label"},
		"option on without value":      {threeLines + "[[options]]\nid = \"a\"\nlabel = \"A\"\nparam = \"a\"\non = true\n", 8, "cannot be on", "value"},
		"option of our own":            {threeLines + "[[options]]\nid = \"a\"\nlabel = \"A\"\nparam = \"state\"\n", 7, "state", "delete"},
		"inline options":               {threeLines + "options = [{ id = \"a\", label = \"A\", param = \"a\", vlaue = \"x\" }]\n", 4, "options.vlaue", "options.value"},
		"oauth1 without request token": {"name = \"W\"\nprotocol = \"oauth1\"\n[endpoints]\nauthorization = \"https://a.example/\"\ntoken = \"https://a.example/t\"\n[identity]\nunknown = true\n", 2, "request token", "endpoints.request_token"},
		"request token of no use":      {threeLines + "[endpoints]\nrequest_token = \"https://a.example/r\"\n", 5, "OAuth 1.0a", "oauth1"},
		"oauth1 table":                 {threeLines + "[oauth1]\nsignature = \"PLAINTEXT\"\n", 4, "OAuth 1.0a", "oauth1"},
		"dpop":                         {threeLines + "dpop = \"yes\"\n", 4, "yes", "required"},
		"redirect uri":                 {threeLines + "[redirect]\nuri = \"https://a.example/\"\n", 5, "pastes", "paste"},
		"paste and port":               {threeLines + "[redirect]\nmode = \"paste\"\nport = 8080\n", 5, "nothing listens", "uri"},
		"paste nowhere":                {threeLines + "[redirect]\nmode = \"paste\"\nuri = \"http://a.example/\"\n", 6, "this machine", "oob"},
		"host without hosts":           {threeLines + "[redirect]\nhost_param = \"host\"\n", 4, "hosts to believe", "delete"},
		"dotted keep":                  {threeLines + "[redirect]\nkeep = [\"a b\"]\n", 5, "parameter name", "value"},
		"registration method":          {threeLines + "registration_methods = [\"magic\"]\n", 4, "magic", "dynamic"},
		"registration nowhere":         {"name = \"W\"\nregistration_methods = [\"mastodon\"]\n[endpoints]\nauthorization = \"https://a.example/\"\ntoken = \"https://a.example/t\"\n[identity]\nunknown = true\n", 2, "mastodon", "endpoints.registration"},
		"device nowhere":               {"name = \"W\"\n[endpoints]\nauthorization = \"https://a.example/\"\ntoken = \"https://a.example/t\"\n[identity]\nunknown = true\n[device]\nstatus_codes = true\n", 7, "device code", "device_authorization"},
		"unknown and known":            {threeLines + "[identity]\nunknown = true\n", 5, "yet said", "delete"},
		"body without POST":            {threeLines + "[identity]\nurl = \"https://a.example/me\"\nbody = \"{}\"\n", 6, "POST", "POST"},
		"body no JSON":                 {threeLines + "[identity]\nurl = \"https://a.example/me\"\nmethod = \"POST\"\nbody = \"{\"\n", 7, "no JSON", "query"},
		"token as host":                {threeLines + "[identity]\nurl = \"https://{access_token}.example/me\"\n", 5, "which host", "path"},
		"token as host of a query":     {threeLines + "[identity]\nurl = \"https://a.{access_token}?x=1\"\n", 5, "which host", "path"},
		"secret in identity":           {threeLines + "[identity]\nurl = \"https://a.example/{client_secret}\"\n", 5, "blank", "[instance]"},
		"header and scheme":            {threeLines + "[api]\nheader = \"X-Token\"\nscheme = \"Bearer\"\n", 5, "scheme", "one of the two"},
		"own header for the token":     {threeLines + "[api]\nheader = \"Cookie\"\n", 5, "Cookie", "api.scheme"},
		"base from nowhere":            {threeLines + "[api]\nbase_from = \"instance_url\"\n", 5, "believe", "base_under"},
		"base under everything":        {threeLines + "[api]\nbase_from = \"instance_url\"\nbase_under = [\".com\"]\n", 6, ".com", ".example.com"},
		"blank in a header":            {threeLines + "[api.headers]\nX-Key = \"{client_secret}\"\n", 5, "blank", "client_id"},
		"request nowhere":              {threeLines + "[revocation]\nstyle = \"request\"\n", 5, "missing", "endpoints.revocation"},
		"shape without request":        {threeLines + "[revocation]\nmethod = \"DELETE\"\n", 4, "of the row", "request"},
		"unknown blank in revocation":  {threeLines + "[endpoints]\nrevocation = \"https://a.example/\"\n[revocation]\nstyle = \"request\"\nparams = { token = \"{password}\" }\n", 8, "blank", "access_token"},
		"id without lookup":            {threeLines + "[endpoints]\nrevocation = \"https://a.example/{id}\"\n[revocation]\nstyle = \"request\"\n", 6, "lookup", "missing"},
		"blank word of our own":        {"name = \"W\"\n" + "issuer = \"https://{id}.example.com\"\n[instance]\nparam = \"id\"\nlabel = \"Id\"\nexample = \"a\"\n", 4, "value of its own", "another word"},
		"none with an address":         {threeLines + "[endpoints]\nrevocation = \"https://a.example/\"\n[revocation]\nstyle = \"none\"\n", 7, "no way", "delete"},
		"unknown key of an option":     {threeLines + "[[options]]\nid = \"a\"\nlabel = \"A\"\nparam = \"a\"\n[[options]]\nid = \"b\"\nlabel = \"B\"\nlable = \"B\"\nparam = \"b\"\n", 11, "options.lable", "options.label"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := Lint(write(t, t.TempDir(), "work.toml", test.text))
			if len(problems) == 0 {
				t.Fatal("no problem was found")
			}
			p := problems[0]
			if p.Line != test.line || !strings.Contains(p.Reason, test.reason) || !strings.Contains(p.Fix, test.fix) {
				t.Errorf("got line %d: %s (%s)", p.Line, p.Reason, p.Fix)
			}
			if len(problems) > 1 {
				t.Errorf("more than one problem: %v", problems)
			}
			if strings.Contains(p.Reason+p.Fix, "dance.") || strings.Contains(p.Reason+p.Fix, "struct") {
				t.Errorf("the words are Go's: %s", p.Reason)
			}
		})
	}
}

func TestAllProblemsOfAFileAreNamed(t *testing.T) {
	_, problems := Lint(write(t, t.TempDir(), "work.toml", "issuer = \"http://a.example\"\nnmae = \"x\"\n[tile]\nbrand = \"x\"\n"))
	if len(problems) != 4 {
		t.Errorf("%d problems: %v", len(problems), problems)
	}
}

func TestBuiltInIDsAreTaken(t *testing.T) {
	_, problems := Lint(write(t, t.TempDir(), "github.toml", threeLines))
	if len(problems) != 1 || !strings.Contains(problems[0].Reason, "ships") || !strings.Contains(problems[0].Fix, "my-github.toml") {
		t.Error(problems)
	}
	for _, name := range []string{"Work.toml", "a b.toml", "-x.toml", "é.toml"} {
		if _, problems := Lint(write(t, t.TempDir(), name, threeLines)); len(problems) != 1 || !strings.Contains(problems[0].Reason, "no id") {
			t.Error(name, problems)
		}
	}
}
