package snippet

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/spelling"
)

// A Language is a language, or a framework in one, in which handlers are
// written.
type Language struct {
	ID    string // the value of --lang
	Name  string // for people
	File  string // where the text belongs
	Needs string // command that gets what it needs, "" if it needs nothing
	Run   string // command that runs it, "" if it is a part of an app
	// Setup is what the app needs besides, a line each, and Register one more
	// where the provider registers an address by a GET request. PATH, PROVIDER
	// and SECRET stand for what the handler has.
	Setup    []string
	Register string
	// Tested says that this project's tests run handlers in this language and
	// check them. Other ones are written with care, and have never run there.
	Tested bool
	// Port is where it listens unless it is told otherwise.
	Port int
}

// Languages returns all languages, the tested ones first.
func Languages() []Language {
	return []Language{
		{ID: "node-express", Name: "Node.js with Express", File: "server.js", Needs: "npm install express", Run: "node server.js", Tested: true, Port: 3000},
		{ID: "node-fastify", Name: "Node.js with Fastify", File: "server.js", Needs: "npm install fastify", Run: "node server.js", Tested: true, Port: 3000},
		{ID: "python-flask", Name: "Python with Flask", File: "app.py", Needs: "pip install flask", Run: "python3 app.py", Tested: true, Port: 3000},
		{ID: "python-fastapi", Name: "Python with FastAPI", File: "app.py", Needs: "pip install fastapi uvicorn", Run: "uvicorn app:app --port 3000", Tested: true, Port: 3000},
		{
			ID: "django", Name: "Python with Django", File: "webhooks.py",
			Needs: "pip install django uvicorn", Run: "uvicorn yourproject.asgi:application --port 3000",
			Setup:  []string{`in urls.py: path("", include("webhooks"))`},
			Tested: true, Port: 3000,
		},
		{ID: "go", Name: "Go", File: "main.go", Run: "go run main.go", Tested: true, Port: 3000},
		{ID: "ruby-sinatra", Name: "Ruby with Sinatra", File: "app.rb", Needs: "gem install sinatra puma rackup", Run: "ruby app.rb", Tested: true, Port: 3000},
		{ID: "php", Name: "PHP", File: "webhook.php", Run: "php -S 127.0.0.1:3000 webhook.php", Tested: true, Port: 3000},
		{ID: "next", Name: "Next.js, app router", File: "app/PATH/route.js", Run: "npx next dev", Tested: true, Port: 3000},
		{
			ID: "rails", Name: "Ruby on Rails", File: "app/controllers/webhooks_controller.rb", Run: "bin/rails server",
			Setup:    []string{"in config/routes.rb: post 'PATH', to: 'webhooks#receive'"},
			Register: "in config/routes.rb: get 'PATH', to: 'webhooks#register'",
			Tested:   true, Port: 3000,
		},
		{
			ID: "laravel", Name: "PHP with Laravel", File: "app/Http/Controllers/WebhookController.php", Run: "php artisan serve",
			Setup: []string{
				"in config/services.php: 'PROVIDER' => ['webhook_secret' => env('SECRET')],",
				"in routes/web.php: Route::post('PATH', WebhookController::class)->withoutMiddleware(VerifyCsrfToken::class);",
			},
			Register: "in routes/web.php: Route::get('PATH', WebhookController::class);",
			Tested:   true, Port: 8000,
		},
		{
			ID: "java-spring", Name: "Java with Spring MVC (Boot 3)", File: "src/main/java/WebhookController.java",
			Run: "./mvnw spring-boot:run", Tested: true, Port: 8080,
		},
		{ID: "csharp", Name: "C# with ASP.NET Core", File: "Program.cs", Run: "dotnet run --urls http://127.0.0.1:3000", Port: 3000},
		{
			ID: "rust-axum", Name: "Rust with axum", File: "src/main.rs",
			Needs: "cargo add axum base64 chrono form_urlencoded hex hmac@0.12 serde_json sha1@0.10 sha2@0.10 subtle tokio -F tokio/full",
			Run:   "cargo run", Port: 3000,
		},
	}
}

// FileFor returns where the text of a handler belongs.
func (l Language) FileFor(h *Handler) string { return strings.ReplaceAll(l.File, "/PATH", h.Path) }

// Find returns the language with an id. The error names those that there are.
func Find(id string) (Language, error) {
	var ids []string
	for _, l := range Languages() {
		if l.ID == id {
			return l, nil
		}
		ids = append(ids, l.ID)
	}
	if id == "" {
		return Language{}, errors.New("no language: --lang " + strings.Join(ids, ", "))
	}
	if near := nearest(id, ids); near != "" {
		return Language{}, fmt.Errorf("no language %q; did you mean %s?", id, near)
	}
	return Language{}, fmt.Errorf("no language %q: there are %s", id, strings.Join(ids, ", "))
}

// nearest is the id that was probably meant: many name only one half of it.
func nearest(id string, ids []string) string {
	for _, full := range ids {
		if slices.Contains(strings.Split(full, "-"), strings.ToLower(id)) {
			return full
		}
	}
	return spelling.Nearest(id, ids)
}
