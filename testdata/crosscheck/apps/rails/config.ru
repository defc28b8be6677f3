# The least app that a handler in Rails can be a part of.
require 'rails'
require 'action_controller/railtie'
require 'active_job/railtie'

class App < Rails::Application
  config.root = __dir__
  config.eager_load = false
  config.secret_key_base = 'not secret'
  config.cache_store = :memory_store
  config.active_job.queue_adapter = :async
  config.logger = Logger.new($stdout)
  config.consider_all_requests_local = false
end

$stdout.sync = true
App.initialize!
# The log shows what the handler has received, and not every parameter.
ActionController::Base.logger = nil
ActiveJob::Base.log_arguments = false
require_relative 'app/controllers/webhooks_controller'
App.routes.draw do
  post ENV.fetch('HOOK_PATH'), to: 'webhooks#receive'
  get ENV.fetch('HOOK_PATH'), to: 'webhooks#register' if WebhooksController.method_defined?(:register)
end
run App
