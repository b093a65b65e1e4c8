// All jobs.

import { showJobs } from "./joblist.js";

showJobs();
