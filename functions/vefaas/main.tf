# Both functions and their triggers, for the vendor's Terraform provider. Made from the provider's documentation; not
# tried live. Of the runtimes with a command of their own that documentation lists native/v1 alone, and public samples
# native-python3.12/v1: the package's native code is for Python 3.12 on x86-64.
terraform {
  required_providers {
    volcenginecc = { source = "volcengine/volcenginecc" }
  }
}

variable "role" {
  description = "The role's trn. It may call rtc:UpdateSnapshot and rtc:GetSnapshotTask, and nothing else."
}
variable "ledger_url" {
  description = "rediss://USER:PASSWORD@HOST:6379/0, one ledger for everything that calls for this account"
  sensitive   = true
}
variable "webhook_secrets" {
  description = "whsec_ and base64 of at least 24 bytes; several during a rotation, separated by commas"
  sensitive   = true
}
variable "vpc" {
  description = "Where the ledger is"
  type        = object({ id = string, subnet_ids = list(string), security_group_ids = list(string) })
}
variable "kafka" {
  type      = object({ instance_id = string, topic = string, username = string, password = string })
  sensitive = true
}
variable "log" {
  type = object({ project_id = string, topic_id = string })
}

locals {
  functions = {
    events = { VEFAAS_TAKES = "events" }
    http   = { VEFAAS_TAKES = "http", HTTP_AUTH = "signature", WEBHOOK_SECRETS = var.webhook_secrets }
  }
}

resource "volcenginecc_vefaas_function" "tuner" {
  for_each        = local.functions
  name            = "snapshot-tuner-${each.key}"
  runtime         = "native-python3.12/v1"
  command         = "./run.sh"
  source_type     = "zip"
  source          = filebase64("${path.module}/../../.build/vefaas/snapshot-tuner.zip")
  role            = var.role
  memory_mb       = 1024
  request_timeout = 60    # seconds; at least 20, as a call's lease lasts 15
  exclusive_mode  = false # an instance takes many requests at once, and joins them
  max_concurrency = 100
  # The package has all dependencies in it.
  enable_dependency_install = false
  vpc_config = {
    enable_vpc                    = true
    vpc_id                        = var.vpc.id
    subnet_ids                    = var.vpc.subnet_ids
    security_group_ids            = var.vpc.security_group_ids
    enable_shared_internet_access = true # the ledger is in the VPC, the RTC API is not
  }
  tls_config = { enable_log = true, tls_project_id = var.log.project_id, tls_topic_id = var.log.topic_id }
  envs = [
    for key, value in merge(each.value, { LEDGER_URL = var.ledger_url }) : { key = key, value = value }
  ]
}

resource "volcenginecc_vefaas_release" "tuner" {
  for_each              = local.functions
  function_id           = volcenginecc_vefaas_function.tuner[each.key].function_id
  revision_number       = 0
  target_traffic_weight = 100
  rolling_step          = 100
  # A new package or setting is in force when it is released, and nothing else here would change for it.
  lifecycle { replace_triggered_by = [volcenginecc_vefaas_function.tuner[each.key]] }
}

resource "volcenginecc_vefaas_kafka_trigger" "rooms" {
  function_id            = volcenginecc_vefaas_function.tuner["events"].function_id
  name                   = "rooms"
  mq_instance_id         = var.kafka.instance_id
  topic_name             = var.kafka.topic
  kafka_credentials      = { mechanism = "PLAIN", username = var.kafka.username, password = var.kafka.password }
  starting_position      = "Latest"
  batch_size             = 100
  maximum_retry_attempts = 100 # behind the last one there is nothing but the log
  enabled                = true
}

resource "volcenginecc_vefaas_timer" "reconciler" {
  function_id        = volcenginecc_vefaas_function.tuner["events"].function_id
  name               = "reconciler"
  crontab            = "* * * * *"
  payload            = "{}"
  enable_concurrency = false
  retries            = 0
  enabled            = true
}
