#!/usr/bin/env node
import { startCommand } from './cli/process';

startCommand();
